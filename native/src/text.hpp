// Texts as they stand between quotation marks: valid UTF-8 without escapes and without control characters.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "cursor.hpp"

namespace leeway {

// ASCII that stands for itself within quotation marks.
constexpr std::array<bool, 256> plain_signs() {
    std::array<bool, 256> plain{};
    for (int sign = 0x20; sign < 0x80; ++sign)
        plain[static_cast<std::size_t>(sign)] = sign != '"' && sign != '\\';
    return plain;
}
inline constexpr std::array<bool, 256> PLAIN = plain_signs();

// Pass one character of two to four bytes: table 3-7 of the Unicode Standard, so no overlong form, no surrogate, and
// nothing above U+10FFFF.
inline bool take_wide(Cursor &cursor) {
    const auto byte = [&](std::size_t place) { return static_cast<unsigned char>(cursor.at[place]); };
    const auto within = [&](std::size_t place, unsigned low, unsigned high) {
        return byte(place) >= low && byte(place) <= high;
    };
    const std::size_t left = cursor.left();
    if (left < 2)
        return false;
    const unsigned lead = byte(0);
    std::size_t length = 0;
    if (lead >= 0xC2 && lead <= 0xDF)
        length = within(1, 0x80, 0xBF) ? 2 : 0;
    else if (lead >= 0xE0 && lead <= 0xEF && left >= 3)
        length = within(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF) && within(2, 0x80, 0xBF) ? 3 : 0;
    else if (lead >= 0xF0 && lead <= 0xF4 && left >= 4)
        length = within(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF) && within(2, 0x80, 0xBF) &&
                         within(3, 0x80, 0xBF)
                     ? 4
                     : 0;
    cursor.at += length;
    return length != 0;
}

inline std::size_t characters(std::string_view text) {
    std::size_t many = 0;
    for (const char sign : text)
        many += (static_cast<unsigned char>(sign) & 0xC0) != 0x80; // all but the later bytes of a character
    return many;
}

// A text with its quotation marks; what is between them.
inline bool take_text(Cursor &cursor, std::string_view &text) {
    if (!cursor.take('"'))
        return false;
    const char *first = cursor.at;
    while (cursor.at != cursor.end) {
        const auto sign = static_cast<unsigned char>(*cursor.at);
        if (PLAIN[sign]) {
            ++cursor.at;
        } else if (sign == '"') {
            text = std::string_view(first, static_cast<std::size_t>(cursor.at - first));
            ++cursor.at;
            return true;
        } else if (sign < 0x80 || !take_wide(cursor)) {
            return false;
        }
    }
    return false;
}

} // namespace leeway
