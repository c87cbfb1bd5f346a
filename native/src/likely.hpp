// Whom an event likely speaks of, by a glance: it says by which layout to try the event first, and proves nothing.
#pragma once

#include <cstddef>
#include <string_view>

#include "text.hpp"

namespace leeway {

// What follows upon the first key `model`, in JSON or in msgpack; nothing where that is no short text of plain signs.
inline std::string_view likely_model(std::string_view text) {
    constexpr std::string_view JSON = "\"model\"", MSGPACK = "\xA5model";
    constexpr std::size_t SHORT = 128; // characters of a name
    const bool packed = !text.empty() && static_cast<unsigned char>(text[0]) >= 0x80;
    const std::string_view key = packed ? MSGPACK : JSON;
    const std::size_t found = text.find(key);
    if (found == std::string_view::npos)
        return {};
    std::size_t at = found + key.size(), end = 0;
    if (packed) {
        if (at == text.size())
            return {};
        auto length = static_cast<unsigned char>(text[at++]);
        if (length == 0xD9 && at < text.size())
            length = static_cast<unsigned char>(text[at++]);
        else if ((length & 0xE0) == 0xA0)
            length &= 0x1F;
        else
            return {};
        end = at + length;
    } else {
        while (at < text.size() && (text[at] == ':' || text[at] == ' '))
            ++at;
        if (at == text.size() || text[at] != '"')
            return {};
        end = text.find('"', ++at);
    }
    if (end > text.size() || end - at > SHORT)
        return {};
    const std::string_view model = text.substr(at, end - at);
    for (const char sign : model)
        if (!PLAIN[static_cast<unsigned char>(sign)])
            return {};
    return model;
}

} // namespace leeway
