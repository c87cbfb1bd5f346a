// Numbers of the JSON grammar: the double that is nearest to what is written, or none.
#pragma once

#include <charconv>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "cursor.hpp"

namespace leeway {

inline bool is_digit(char sign) { return sign >= '0' && sign <= '9'; }

// What is written before it is a value: -12.5e-3 is negative, the digits 125, 1 of them behind the point, exponent -3.
struct Written {
    bool negative = false;
    bool whole = true;             // without point and exponent
    std::uint64_t digits = 0;      // right as long as there are at most 19
    std::size_t many = 0;          // of the digits, leading zeros among them
    std::int64_t exponent = 0;     // of ten, the places behind the point taken off
};

constexpr std::size_t DIGITS = 19;         // any number of so many fits into 64 bits
constexpr std::size_t EXPONENT_DIGITS = 4; // longer exponents are refused: nobody means them

inline bool take_digits(Cursor &cursor, Written &number) {
    const char *first = cursor.at;
    while (cursor.at != cursor.end && is_digit(*cursor.at))
        number.digits = number.digits * 10 + static_cast<std::uint64_t>(*cursor.at++ - '0');
    number.many += static_cast<std::size_t>(cursor.at - first);
    return cursor.at != first;
}

inline bool take_exponent(Cursor &cursor, Written &number) {
    const bool negative = cursor.take('-');
    if (!negative)
        cursor.take('+');
    const char *first = cursor.at;
    std::int64_t exponent = 0;
    while (cursor.at != cursor.end && is_digit(*cursor.at)) {
        if (static_cast<std::size_t>(cursor.at - first) == EXPONENT_DIGITS)
            return false;
        exponent = exponent * 10 + (*cursor.at++ - '0');
    }
    number.exponent += negative ? -exponent : exponent;
    return cursor.at != first;
}

// RFC 8259, section 6.
inline bool take_written(Cursor &cursor, Written &number) {
    number.negative = cursor.take('-');
    if (cursor.take('0'))
        number.many = 1;
    else if (!take_digits(cursor, number))
        return false;
    if (cursor.take('.')) {
        const char *first = cursor.at;
        number.whole = false;
        if (!take_digits(cursor, number))
            return false;
        number.exponent = first - cursor.at;
    }
    if (cursor.take('e') || cursor.take('E')) {
        number.whole = false;
        return take_exponent(cursor, number);
    }
    return true;
}

// Both are exact as doubles up to here, so one multiplication or division rounds once, and that is to the nearest:
// Clinger, How to read floating point numbers accurately (1990). It needs arithmetic without extra bits.
constexpr std::uint64_t EXACT_DIGITS = std::uint64_t{1} << 53;
constexpr double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::int64_t EXACT_POWER = 22;
constexpr bool ROUNDS_ONCE = FLT_EVAL_METHOD == 0;

// A finite number. An integer has no negative zero, as msgspec has none.
inline bool take_number(Cursor &cursor, double &value) {
    const char *first = cursor.at;
    Written number;
    if (!take_written(cursor, number))
        return false;
    if (number.many <= DIGITS) {
        if (number.digits == 0) {
            value = number.negative && !number.whole ? -0.0 : 0.0;
            return true;
        }
        const bool small = number.exponent >= -EXACT_POWER && number.exponent <= EXACT_POWER;
        if (ROUNDS_ONCE && number.digits <= EXACT_DIGITS && small) {
            const auto digits = static_cast<double>(number.digits);
            const double size = number.exponent < 0 ? digits / POWERS[-number.exponent] : digits * POWERS[number.exponent];
            value = number.negative ? -size : size;
            return true;
        }
    }
    const auto [stop, trouble] = std::from_chars(first, cursor.at, value); // too large or too small is trouble
    return trouble == std::errc() && stop == cursor.at && std::isfinite(value);
}

// An integer of at most 18 digits, as Python would write it.
inline bool take_whole(Cursor &cursor, std::int64_t &value, std::string_view &written) {
    const char *first = cursor.at;
    Written number;
    if (!take_written(cursor, number) || !number.whole || number.many >= DIGITS)
        return false;
    if (number.negative && number.digits == 0)
        return false;
    value = number.negative ? -static_cast<std::int64_t>(number.digits) : static_cast<std::int64_t>(number.digits);
    written = std::string_view(first, static_cast<std::size_t>(cursor.at - first));
    return true;
}

} // namespace leeway
