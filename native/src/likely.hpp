// Whom an event likely speaks of, by a glance: it says by which layout to try the event first, and proves nothing.
#pragma once

#include <cstddef>
#include <string_view>

#include "cursor.hpp"
#include "msgpack.hpp"
#include "text.hpp"

namespace leeway {

// Whether the first byte is that of a map of msgpack that is not empty.
inline bool begins_a_map(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.empty() ? 0 : text[0]);
    return (first > 0x80 && first < 0x90) || first == 0xDE || first == 0xDF;
}

// The text behind the first key `model`, in JSON or in msgpack; nothing where there is none as short as a name.
inline std::string_view likely_model(std::string_view text) {
    constexpr std::size_t SHORT = 128; // bytes of a name
    const bool packed = !text.empty() && static_cast<unsigned char>(text[0]) >= 0x80;
    const std::string_view key = packed ? "\xA5model" : "\"model\"";
    const std::size_t found = text.find(key);
    if (found == std::string_view::npos)
        return {};
    const std::string_view rest = text.substr(found + key.size());
    std::string_view model;
    bool taken = false;
    if (packed) {
        taken = Msgpack(rest).text(model);
    } else {
        Cursor cursor(rest.data(), rest.size());
        cursor.skip_blanks();
        taken = cursor.take(':');
        cursor.skip_blanks();
        taken = taken && take_text(cursor, model);
    }
    return taken && model.size() <= SHORT ? model : std::string_view();
}

} // namespace leeway
