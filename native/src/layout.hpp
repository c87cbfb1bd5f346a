// One form of event as a list of steps: what stands where, and what becomes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cursor.hpp"
#include "number.hpp"
#include "text.hpp"
#include "words.hpp"

namespace leeway {

// A numeral is an integer that is kept as a word.
enum class Kind : std::uint8_t { open, close, text, choice, number, whole, numeral, truth, null };

// A cell is a number, or the code of a word; words of `whose` together are the identity of a row.
enum class Sink : std::uint8_t { none, cell, whose };

constexpr double NO_LIMIT = std::numeric_limits<double>::infinity();
constexpr double NO_NUMBER = std::numeric_limits<double>::quiet_NaN();

struct Step {
    Kind kind;
    std::string key; // the event itself has none
    bool nullable = false;
    double least = -NO_LIMIT, most = NO_LIMIT; // of a number its size, of a text its characters
    std::vector<std::string> choices;
    Sink sink = Sink::none;
    std::size_t place = 0; // of the cell among the cells, of the word among those of `whose`

    // Made by Layout.
    bool comma = false;        // behind another value
    std::string quoted = {};   // the key with its quotation marks
    std::string compact = {};  // comma, key and colon without blanks, as most producers write them
    std::string spacious = {}; // and with a blank behind each sign, as others do

    bool is_word() const { return kind == Kind::text || kind == Kind::choice || kind == Kind::numeral || kind == Kind::truth; }
};

// A word of a row that is not finished yet: it gets its number when the row is.
struct Said {
    const Step *step;
    Word word;
};

class Layout {
public:
    // Throws std::invalid_argument unless the steps are one object, in which every cell and every part of the identity
    // is written once: then no row has a cell that was not read.
    explicit Layout(std::vector<Step> steps) : steps_(std::move(steps)) {
        std::vector<bool> cells, whose;
        std::vector<bool> begun; // of each object that is open, whether it has a value
        for (std::size_t at = 0; at < steps_.size(); ++at) {
            Step &step = steps_[at];
            require(at == 0 ? step.kind == Kind::open : !begun.empty(), "the steps are not one object");
            if (step.kind == Kind::close) {
                begun.pop_back();
                continue;
            }
            if (at > 0) {
                require(is_plain(step.key), "a key has signs that JSON escapes or that are not ASCII");
                step.comma = begun.back();
                begun.back() = true;
                step.quoted = '"' + step.key + '"';
                step.compact = (step.comma ? "," : "") + step.quoted + ":";
                step.spacious = (step.comma ? ", " : "") + step.quoted + ": ";
            }
            for (std::string &choice : step.choices) {
                require(is_plain(choice), "a choice has signs that JSON escapes or that are not ASCII");
                choice = '"' + choice + '"';
            }
            if (step.kind == Kind::open)
                begun.push_back(false);
            if (step.sink == Sink::cell)
                claim(cells, step);
            if (step.sink == Sink::whose)
                claim(whose, step);
            words_ += step.sink != Sink::none && step.is_word();
        }
        require(begun.empty() && !steps_.empty(), "the steps are not one object");
        for (const bool claimed : cells)
            require(claimed, "a cell is written by no step");
        for (const bool claimed : whose)
            require(claimed, "a part of the identity is written by no step");
        require(!whose.empty(), "a row has no identity");
        width_ = cells.size();
        identity_ = whose.size();
    }

    std::size_t width() const { return width_; }       // cells of a row
    std::size_t identity() const { return identity_; } // words that say whose a row is
    std::size_t words() const { return words_; }       // of a row at most

    // Whether a text is an event of this form, and what it says: numbers and nulls in their cells, words in `said`.
    bool read(std::string_view text, double *cells, std::vector<Said> &said) const {
        Cursor cursor(text.data(), text.size());
        said.clear();
        cursor.skip_blanks();
        bool spacious = false;
        for (const Step &step : steps_)
            if (!take_lead(cursor, step, spacious) || !take_value(cursor, step, cells, said))
                return false;
        cursor.skip_blanks();
        return cursor.left() == 0;
    }

private:
    static void require(bool holds, const char *what) {
        if (!holds)
            throw std::invalid_argument(what);
    }

    static bool is_plain(const std::string &text) {
        for (const char sign : text)
            if (!PLAIN[static_cast<unsigned char>(sign)])
                return false;
        return true;
    }

    static void claim(std::vector<bool> &claimed, const Step &step) {
        constexpr std::size_t MOST = 1 << 20; // more than any event has: a mistake, not a layout
        const bool fits = step.sink == Sink::whose ? step.is_word() && !step.nullable
                                                   : step.kind != Kind::open && step.kind != Kind::null;
        require(fits && step.place < MOST, "a step has no value that could be kept there");
        if (step.place >= claimed.size())
            claimed.resize(step.place + 1);
        require(!claimed[step.place], "two steps write the same cell or the same part of the identity");
        claimed[step.place] = true;
    }

    // Everything up to the value: comma, key, colon and blanks. Within a text they are nearly always written alike.
    static bool take_lead(Cursor &cursor, const Step &step, bool &spacious) {
        if (step.kind == Kind::close) {
            cursor.skip_blanks();
            return true;
        }
        if (!cursor.take(spacious ? step.spacious : step.compact)) {
            spacious = !spacious;
            if (!cursor.take(spacious ? step.spacious : step.compact) && !take_apart(cursor, step))
                return false;
        }
        cursor.skip_blanks();
        return true;
    }

    // A lead that has its blanks elsewhere.
    static bool take_apart(Cursor &cursor, const Step &step) {
        cursor.skip_blanks();
        if (step.comma && !cursor.take(','))
            return false;
        cursor.skip_blanks();
        if (!cursor.take(step.quoted))
            return false;
        cursor.skip_blanks();
        return cursor.take(':');
    }

    static bool take_value(Cursor &cursor, const Step &step, double *cells, std::vector<Said> &said) {
        if (step.nullable && cursor.take("null")) {
            if (step.sink == Sink::cell)
                cells[step.place] = step.is_word() ? static_cast<double>(NULL_WORD) : NO_NUMBER;
            return true;
        }
        double number = 0;
        Word word{Word::text, {}};
        switch (step.kind) {
        case Kind::open:
            return cursor.take('{');
        case Kind::close:
            return cursor.take('}');
        case Kind::null:
            return cursor.take("null");
        case Kind::number:
            if (!take_number(cursor, number) || number < step.least || number > step.most)
                return false;
            break;
        case Kind::whole:
        case Kind::numeral: {
            std::int64_t whole = 0;
            if (!take_whole(cursor, whole, word.written))
                return false;
            number = static_cast<double>(whole);
            if (number < step.least || number > step.most)
                return false;
            break;
        }
        case Kind::text:
            if (!take_text(cursor, word.written) || !is_long_enough(word.written, step))
                return false;
            break;
        case Kind::choice:
            if (!take_choice(cursor, step, word.written))
                return false;
            break;
        case Kind::truth:
            if (!take_truth(cursor, word))
                return false;
            break;
        }
        if (step.sink == Sink::none)
            return true;
        if (step.is_word())
            said.push_back({&step, word});
        else
            cells[step.place] = number;
        return true;
    }

    // A character has at least one byte, so most texts need no counting.
    static bool is_long_enough(std::string_view text, const Step &step) {
        const auto bytes = static_cast<double>(text.size());
        if (bytes < step.least)
            return false;
        if (bytes <= step.most && step.least <= 1)
            return true;
        const auto many = static_cast<double>(characters(text));
        return many >= step.least && many <= step.most;
    }

    static bool take_choice(Cursor &cursor, const Step &step, std::string_view &written) {
        const char *first = cursor.at;
        for (const std::string &choice : step.choices)
            if (cursor.take(choice)) {
                written = std::string_view(first + 1, choice.size() - 2);
                return true;
            }
        return false;
    }

    static bool take_truth(Cursor &cursor, Word &word) {
        word.kind = cursor.take("true") ? Word::yes : Word::no;
        return word.kind == Word::yes || cursor.take("false");
    }

    std::vector<Step> steps_;
    std::size_t width_ = 0, identity_ = 0, words_ = 0;
};

} // namespace leeway
