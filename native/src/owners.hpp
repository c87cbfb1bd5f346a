// Whose rows are: the layout and the words that say it, as one number. It outlives the batches, so most rows are of an owner
// that is known.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "words.hpp"

namespace leeway {

class Owners {
public:
    Owners() : names(true), table_(FIRST_PLACES, EMPTY) {}

    // Whether owners of so many codes may come: all have as many.
    bool takes(std::size_t wide) {
        if (many_ == 0)
            wide_ = wide;
        return wide_ == wide;
    }

    // The number of the owner of these codes: that of a layout, and names. Owners are numbered in the order of their
    // coming.
    std::int64_t of(const std::vector<Code> &codes) {
        if (many_ > 0 && is(last_, codes))
            return last_; // rows of one model often follow upon one another
        std::size_t place = first_place(codes.data());
        while (table_[place] != EMPTY && !is(table_[place], codes))
            place = next(place);
        if (table_[place] == EMPTY) {
            table_[place] = static_cast<Code>(many_++);
            codes_.insert(codes_.end(), codes.begin(), codes.end());
            last_ = table_[place];
            if (static_cast<std::size_t>(many_) * 2 > table_.size())
                grow();
        } else {
            last_ = table_[place];
        }
        return last_;
    }

    std::int64_t many() const { return many_; }

    Words names;

private:
    static constexpr Code EMPTY = 0xFFFFFFFFu;
    static constexpr std::size_t FIRST_PLACES = 256; // a power of two; half of them at most are taken

    bool is(Code owner, const std::vector<Code> &codes) const {
        return std::equal(codes.begin(), codes.end(), codes_.begin() + static_cast<std::ptrdiff_t>(owner * wide_));
    }

    std::size_t first_place(const Code *codes) const {
        std::uint64_t hash = 0; // codes are ours, so nobody can choose them
        for (std::size_t at = 0; at < wide_; ++at)
            hash = folded(hash ^ codes[at], ODD);
        return hash & (table_.size() - 1);
    }

    std::size_t next(std::size_t place) const { return (place + 1) & (table_.size() - 1); }

    void grow() {
        table_.assign(table_.size() * 2, EMPTY);
        for (Code owner = 0; owner < static_cast<Code>(many_); ++owner) {
            std::size_t place = first_place(codes_.data() + owner * wide_);
            while (table_[place] != EMPTY)
                place = next(place);
            table_[place] = owner;
        }
    }

    std::vector<Code> codes_; // of one owner after the other
    std::vector<Code> table_;
    std::int64_t many_ = 0;
    std::size_t wide_ = 0;
    Code last_ = 0;
};

} // namespace leeway
