// A place in one text, and the few things that may stand there. Nothing is read at or behind the end.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace leeway {

class Cursor {
public:
    Cursor(const char *first, std::size_t length) : at(first), end(first + length) {}

    std::size_t left() const { return static_cast<std::size_t>(end - at); }

    // White space as JSON has it.
    void skip_blanks() {
        while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
            ++at;
    }

    bool take(char sign) {
        if (at == end || *at != sign)
            return false;
        ++at;
        return true;
    }

    bool take(std::string_view word) {
        if (left() < word.size() || std::memcmp(at, word.data(), word.size()) != 0)
            return false;
        at += word.size();
        return true;
    }

    const char *at;
    const char *end;
};

} // namespace leeway
