// Whose rows are: the layout and the words that say it, as one number. It outlives the batches, so most rows are of an owner
// that is known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "words.hpp"

namespace leeway {

class Owners {
public:
    Owners() : names(true) {}

    // The number of the owner of these codes: that of a layout, and names. Owners are numbered in the order of their
    // coming.
    std::int64_t of(const std::vector<Code> &codes) {
        if (codes == last_)
            return last_number_;
        std::uint64_t so_far = 0; // the words are looked up pair by pair: what those so far are called, and the next
        for (const Code code : codes)
            so_far = pairs_.try_emplace(so_far << 32 | code, pairs_.size() + 1).first->second;
        last_number_ = numbers_.try_emplace(so_far, static_cast<std::int64_t>(numbers_.size())).first->second;
        last_ = codes; // rows of one model often follow upon one another
        return last_number_;
    }

    std::int64_t many() const { return static_cast<std::int64_t>(numbers_.size()); }

    Words names;

private:
    std::unordered_map<std::uint64_t, std::uint64_t> pairs_;
    std::unordered_map<std::uint64_t, std::int64_t> numbers_;
    std::vector<Code> last_;
    std::int64_t last_number_ = 0;
};

} // namespace leeway
