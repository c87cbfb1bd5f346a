// The rows of a batch: their cells row by row, and whose they are. A text that is refused leaves nothing behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "layout.hpp"
#include "words.hpp"

namespace leeway {

class Batch {
public:
    Batch(const Layout &layout, std::size_t most) : layout_(layout), codes_(layout.identity()), last_(layout.identity()) {
        cells.resize(most * layout.width());
        whose.reserve(most);
        said_.reserve(layout.words());
    }

    // Whether a text is a row.
    bool add(std::string_view text) {
        double *row = cells.data() + whose.size() * layout_.width();
        if (!layout_.read(text, row, said_))
            return false;
        for (const auto &[step, word] : said_)
            if (step->sink == Sink::whose)
                codes_[step->place] = names.of(word);
            else
                row[step->place] = static_cast<double>(words.of(word));
        whose.push_back(identity());
        return true;
    }

    std::vector<double> cells;
    std::vector<std::int64_t> whose; // of each row its identity
    std::vector<Code> identities;    // `layout.identity()` of the names for each
    Words words, names;              // of cells, and of identities

private:
    // Rows of one model often follow upon one another. Otherwise the words are looked up pair by pair: what the words so
    // far are called, and the next.
    std::int64_t identity() {
        if (!whose.empty() && codes_ == last_)
            return whose.back();
        std::uint64_t so_far = 0;
        for (const Code code : codes_)
            so_far = pairs_.try_emplace(so_far << 32 | code, pairs_.size() + 1).first->second;
        const auto [found, is_new] = numbers_.try_emplace(so_far, whose_many_);
        if (is_new) {
            ++whose_many_;
            identities.insert(identities.end(), codes_.begin(), codes_.end());
        }
        last_ = codes_;
        return found->second;
    }

    const Layout &layout_;
    std::vector<Said> said_;
    std::vector<Code> codes_, last_;
    std::unordered_map<std::uint64_t, std::uint64_t> pairs_;
    std::unordered_map<std::uint64_t, std::int64_t> numbers_;
    std::int64_t whose_many_ = 0;
};

} // namespace leeway
