// What stands at one place of an event, and what becomes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "words.hpp"

namespace leeway {

// A numeral is an integer that is kept as a word. Msgpack has lists, and numbers in one piece, besides.
enum class Kind : std::uint8_t { open, close, list, text, choice, number, numbers, whole, numeral, truth, null };

// A cell is a number, or the code of a word; words of `whose` together are the identity of a row.
enum class Sink : std::uint8_t { none, cell, whose };

constexpr double NO_LIMIT = std::numeric_limits<double>::infinity();
constexpr double NO_NUMBER = std::numeric_limits<double>::quiet_NaN();

struct Step {
    Kind kind;
    std::string key; // the event itself has none, nor has what is in a list
    bool nullable = false;
    double least = -NO_LIMIT, most = NO_LIMIT; // of a number its size, of a text its characters
    std::vector<std::string> choices;
    Sink sink = Sink::none;
    std::size_t place = 0; // of the cell among the cells, of the word among those of `whose`
    std::size_t many = 1;  // of numbers in one piece: so many cells, from `place` on

    // Made by Layout.
    bool keyed = false;      // in an object, so there is a key
    bool comma = false;      // behind another value
    std::size_t entries = 0; // of what is opened here

    // Made by the wire.
    std::string lead = {};     // what nearly always stands before the value: in JSON comma, key and colon without blanks
    std::string spacious = {}; // in JSON also often: a blank behind each sign
    std::string quoted = {};   // in JSON the key with its quotation marks
    std::string begin = {};    // how msgpack begins a map or a list of so many entries
    std::vector<std::string> spelled = {}; // the choices

    bool is_word() const { return kind == Kind::text || kind == Kind::choice || kind == Kind::numeral || kind == Kind::truth; }
    bool opens() const { return kind == Kind::open || kind == Kind::list; }
};

// A word of a row that is not finished yet: it gets its number when the row is.
struct Said {
    const Step *step;
    Word word;
};

inline void require(bool holds, const char *what) {
    if (!holds)
        throw std::invalid_argument(what);
}

} // namespace leeway
