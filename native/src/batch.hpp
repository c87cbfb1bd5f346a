// The rows of a batch: their cells row by row, and whose they are. Its texts come in runs of one layout each; the layouts
// have as many cells, and as many words of identity. A text that is refused leaves nothing behind.
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
    // For so many texts at most of layouts like this one.
    Batch(const Layout &like, std::size_t most) : width(like.width()), identity(1 + like.identity()), codes_(identity) {
        cells.resize(most * width);
        whose.reserve(most);
        said_.reserve(like.words());
    }

    // The texts that follow are of this layout. Throws std::invalid_argument if it is not like the others.
    void begin(const Layout &layout) {
        require(layout.width() == width && 1 + layout.identity() == identity, "the layouts of a batch are not alike");
        layout_ = &layout;
        codes_[0] = runs_++;
    }

    // Whether a text is a row.
    bool add(std::string_view text) {
        double *row = cells.data() + whose.size() * width;
        if (!layout_->read(text, row, said_))
            return false;
        for (const auto &[step, word] : said_)
            if (step->sink == Sink::whose)
                codes_[1 + step->place] = names.of(word);
            else
                row[step->place] = static_cast<double>(words.of(word));
        whose.push_back(whose_it_is());
        return true;
    }

    const std::size_t width, identity; // cells of a row; codes of an identity: the number of its run, and names
    std::vector<double> cells;
    std::vector<std::int64_t> whose; // of each row its identity
    std::vector<Code> identities;    // one after the other
    Words words, names;              // of cells, and of identities

private:
    // Rows of one model often follow upon one another. Otherwise the words are looked up pair by pair: what the words so
    // far are called, and the next.
    std::int64_t whose_it_is() {
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

    const Layout *layout_ = nullptr;
    Code runs_ = 0;
    std::vector<Said> said_;
    std::vector<Code> codes_, last_;
    std::unordered_map<std::uint64_t, std::uint64_t> pairs_;
    std::unordered_map<std::uint64_t, std::int64_t> numbers_;
    std::int64_t whose_many_ = 0;
};

} // namespace leeway
