// The values of an event that is written in msgpack: what stands at the cursor, if it is what a step wants. A map or a
// list says first how many entries it has, in as few bytes as that takes, so no key can occur twice where each of them
// was met once.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

#include "cursor.hpp"
#include "step.hpp"
#include "text.hpp"

namespace leeway {

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Packed numbers are little-endian, and are taken as they are: this processor has another order of bytes."
#endif

class Msgpack {
public:
    // Throws std::invalid_argument for a step that cannot be read from msgpack.
    static void prepare(Step &step) {
        require(step.kind != Kind::numeral, "the digits of an integer do not stand in msgpack");
        if (step.keyed)
            step.lead = spelled(step.key);
        if (step.opens())
            step.begin = begin(step.kind == Kind::open ? 0x80 : 0x90, step.kind == Kind::open ? 0xDE : 0xDC, step.entries);
        for (const std::string &choice : step.choices)
            step.spelled.push_back(spelled(choice));
    }

    explicit Msgpack(std::string_view text) : cursor_(text.data(), text.size()) {}

    bool lead(const Step &step) { return cursor_.take(step.lead); }
    bool ended() const { return cursor_.left() == 0; }

    bool open(const Step &step) { return cursor_.take(step.begin); }
    bool close() { return true; } // nothing is written there
    bool null() { return cursor_.take('\xC0'); }

    // A finite number.
    bool number(double &value) {
        std::uint64_t bits = 0;
        if (cursor_.take('\xCB')) {
            if (!unsigned_of(8, bits))
                return false;
            std::memcpy(&value, &bits, sizeof value);
            return std::isfinite(value);
        }
        if (cursor_.take('\xCA')) {
            if (!unsigned_of(4, bits))
                return false;
            const auto half = static_cast<std::uint32_t>(bits);
            float single = 0;
            std::memcpy(&single, &half, sizeof single);
            value = static_cast<double>(single);
            return std::isfinite(value);
        }
        bool negative = false;
        if (!integer(bits, negative))
            return false;
        value = negative ? static_cast<double>(static_cast<std::int64_t>(bits)) : static_cast<double>(bits);
        return true;
    }

    // Doubles in one piece, as many as the step wants: finite ones, and NaN, which is how null is written there.
    bool numbers(const Step &step, double *cells) {
        const std::size_t size = step.many * sizeof(double);
        std::size_t length = 0;
        if (!(sized('\xC4', 1, length) || sized('\xC5', 2, length) || sized('\xC6', 4, length)) || length != size ||
            cursor_.left() < size)
            return false;
        bool bounded = true;
        for (std::size_t each = 0; each < step.many; ++each, cursor_.at += sizeof(double)) {
            double value = 0;
            std::memcpy(&value, cursor_.at, sizeof value);
            bounded &= !std::isinf(value);
            if (step.sink == Sink::cell)
                cells[each] = value;
        }
        return bounded;
    }

    bool whole(std::int64_t &value, std::string_view &) {
        std::uint64_t bits = 0;
        bool negative = false;
        if (!integer(bits, negative))
            return false;
        value = static_cast<std::int64_t>(bits);
        return negative || bits <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    }

    // Valid UTF-8, whatever signs there are.
    bool text(std::string_view &written) {
        std::size_t length = 0;
        if (cursor_.left() != 0 && (static_cast<unsigned char>(*cursor_.at) & 0xE0) == 0xA0)
            length = static_cast<unsigned char>(*cursor_.at++) & 0x1F;
        else if (!(sized('\xD9', 1, length) || sized('\xDA', 2, length) || sized('\xDB', 4, length)))
            return false;
        if (cursor_.left() < length)
            return false;
        written = std::string_view(cursor_.at, length);
        Cursor inside(cursor_.at, length);
        while (inside.at != inside.end)
            if (static_cast<unsigned char>(*inside.at) < 0x80)
                ++inside.at;
            else if (!take_wide(inside))
                return false;
        cursor_.at += length;
        return true;
    }

    bool choice(const Step &step, std::string_view &written) {
        for (std::size_t which = 0; which < step.spelled.size(); ++which)
            if (cursor_.take(step.spelled[which])) {
                const std::size_t length = step.choices[which].size();
                written = std::string_view(cursor_.at - length, length);
                return true;
            }
        return false;
    }

    bool truth(bool &yes) {
        yes = cursor_.take('\xC3');
        return yes || cursor_.take('\xC2');
    }

private:
    static std::string big_endian(std::size_t value, int bytes) {
        std::string written;
        for (int at = bytes - 1; at >= 0; --at)
            written += static_cast<char>(value >> (8 * at) & 0xFF);
        return written;
    }

    static std::string spelled(const std::string &text) {
        if (text.size() < 32)
            return static_cast<char>(0xA0 | text.size()) + text;
        if (text.size() < 1u << 8)
            return '\xD9' + big_endian(text.size(), 1) + text;
        return text.size() < 1u << 16 ? '\xDA' + big_endian(text.size(), 2) + text
                                      : '\xDB' + big_endian(text.size(), 4) + text;
    }

    static std::string begin(unsigned few, unsigned many, std::size_t entries) {
        require(entries < 1u << 16, "a map or a list has more entries than any event");
        return entries < 16 ? std::string(1, static_cast<char>(few | entries))
                            : static_cast<char>(many) + big_endian(entries, 2);
    }

    // The next bytes as a number, the largest part first.
    bool unsigned_of(std::size_t bytes, std::uint64_t &value) {
        if (cursor_.left() < bytes)
            return false;
        value = 0;
        for (std::size_t at = 0; at < bytes; ++at)
            value = value << 8 | static_cast<unsigned char>(*cursor_.at++);
        return true;
    }

    // A sign, and behind it a length of so many bytes.
    bool sized(char sign, std::size_t bytes, std::size_t &length) {
        std::uint64_t found = 0;
        if (!cursor_.take(sign) || !unsigned_of(bytes, found))
            return false;
        length = static_cast<std::size_t>(found);
        return true;
    }

    // An integer in two's complement; what is not negative may need all 64 bits.
    bool integer(std::uint64_t &bits, bool &negative) {
        if (cursor_.left() == 0)
            return false;
        const auto sign = static_cast<unsigned char>(*cursor_.at++);
        if (sign < 0x80 || sign >= 0xE0) {
            negative = sign >= 0xE0;
            bits = negative ? static_cast<std::uint64_t>(static_cast<std::int64_t>(sign) - 0x100) : sign;
            return true;
        }
        if (sign < 0xCC || sign > 0xD3)
            return false;
        const bool is_signed = sign >= 0xD0;
        const std::size_t bytes = std::size_t{1} << ((sign - 0xCC) % 4);
        if (!unsigned_of(bytes, bits))
            return false;
        negative = is_signed && (bits >> (8 * bytes - 1) & 1) != 0;
        if (negative && bytes < 8)
            bits |= ~std::uint64_t{0} << (8 * bytes);
        return true;
    }

    Cursor cursor_;
};

} // namespace leeway
