// One form of event as a list of steps, and how a row is read by them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "json.hpp"
#include "msgpack.hpp"
#include "step.hpp"
#include "text.hpp"
#include "words.hpp"

namespace leeway {

// How events are written.
enum class Wire : std::uint8_t { json, msgpack };

class Layout {
public:
    // Throws std::invalid_argument unless the steps are one object, in which every cell and every part of the identity
    // is written once: then no row has a cell that was not read.
    explicit Layout(std::vector<Step> steps, Wire wire = Wire::json) : steps_(std::move(steps)), wire_(wire) {
        std::vector<bool> cells, whose;
        std::vector<Step *> begun; // what is open
        for (std::size_t at = 0; at < steps_.size(); ++at) {
            Step &step = steps_[at];
            require(at == 0 ? step.kind == Kind::open : !begun.empty(), "the steps are not one object");
            if (step.kind == Kind::close) {
                begun.pop_back();
                continue;
            }
            if (at > 0) {
                step.keyed = begun.back()->kind == Kind::open;
                step.comma = begun.back()->entries > 0;
                ++begun.back()->entries;
            }
            if (step.opens())
                begun.push_back(&step);
            if (step.sink == Sink::cell)
                for (std::size_t each = 0; each < step.many; ++each)
                    claim(cells, step, each);
            if (step.sink == Sink::whose)
                claim(whose, step, 0);
            words_ += step.sink != Sink::none && step.is_word();
        }
        require(begun.empty() && !steps_.empty(), "the steps are not one object");
        for (const bool claimed : cells)
            require(claimed, "a cell is written by no step");
        for (const bool claimed : whose)
            require(claimed, "a part of the identity is written by no step");
        require(!whose.empty(), "a row has no identity");
        for (Step &step : steps_)
            wire_ == Wire::json ? Json::prepare(step) : Msgpack::prepare(step);
        width_ = cells.size();
        identity_ = whose.size();
    }

    std::size_t width() const { return width_; }       // cells of a row
    std::size_t identity() const { return identity_; } // words that say whose a row is
    std::size_t words() const { return words_; }       // of a row at most
    const Code number = made();                        // no other layout of this process has it

    // Whether rows of both have as many cells, and as many words that say whose they are.
    bool like(const Layout &other) const { return width_ == other.width_ && identity_ == other.identity_; }

    // Whether a text is an event of this form, and what it says: numbers and nulls in their cells, words in `said`.
    bool read(std::string_view text, double *cells, std::vector<Said> &said) const {
        said.clear();
        return wire_ == Wire::json ? read_as<Json>(text, cells, said) : read_as<Msgpack>(text, cells, said);
    }

private:
    static Code made() {
        static Code many = 0;
        return many++;
    }

    static void claim(std::vector<bool> &claimed, const Step &step, std::size_t further) {
        constexpr std::size_t MOST = 1 << 20; // more than any event has: a mistake, not a layout
        const bool fits = step.sink == Sink::whose ? step.is_word() && !step.nullable
                                                   : !step.opens() && step.kind != Kind::null;
        const bool alone = step.kind == Kind::numbers || step.many == 1;
        require(fits && alone && step.place < MOST && further < MOST, "a step has no value that could be kept there");
        const std::size_t place = step.place + further;
        if (place >= claimed.size())
            claimed.resize(place + 1);
        require(!claimed[place], "two steps write the same cell or the same part of the identity");
        claimed[place] = true;
    }

    template <typename Reader> bool read_as(std::string_view text, double *cells, std::vector<Said> &said) const {
        Reader reader(text);
        for (const Step &step : steps_)
            if (!reader.lead(step) || !take_value(reader, step, cells, said))
                return false;
        return reader.ended();
    }

    template <typename Reader>
    static bool take_value(Reader &reader, const Step &step, double *cells, std::vector<Said> &said) {
        if (step.nullable && reader.null()) {
            if (step.sink == Sink::cell)
                cells[step.place] = step.is_word() ? static_cast<double>(NULL_WORD) : NO_NUMBER;
            return true;
        }
        double number = 0;
        Word word{Word::text, {}};
        switch (step.kind) {
        case Kind::open:
        case Kind::list:
            return reader.open(step);
        case Kind::close:
            return reader.close();
        case Kind::null:
            return reader.null();
        case Kind::numbers:
            return reader.numbers(step, cells + step.place);
        case Kind::number:
            if (!reader.number(number) || number < step.least || number > step.most)
                return false;
            break;
        case Kind::whole:
        case Kind::numeral: {
            std::int64_t whole = 0;
            if (!reader.whole(whole, word.written))
                return false;
            number = static_cast<double>(whole);
            if (number < step.least || number > step.most)
                return false;
            break;
        }
        case Kind::text:
            if (!reader.text(word.written) || !is_long_enough(word.written, step))
                return false;
            break;
        case Kind::choice:
            if (!reader.choice(step, word.written))
                return false;
            break;
        case Kind::truth: {
            bool yes = false;
            if (!reader.truth(yes))
                return false;
            word.kind = yes ? Word::yes : Word::no;
            break;
        }
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

    std::vector<Step> steps_;
    Wire wire_;
    std::size_t width_ = 0, identity_ = 0, words_ = 0;
};

} // namespace leeway
