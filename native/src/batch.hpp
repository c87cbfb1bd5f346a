// The rows of a batch: their cells row by row, and whose they are. Its texts come in runs of one layout each; the layouts
// have as many cells, and as many words of identity. A text that is refused leaves nothing behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "layout.hpp"
#include "owners.hpp"
#include "words.hpp"

namespace leeway {

class Batch {
public:
    // For so many texts at most of layouts like this one.
    Batch(const Layout &like, std::size_t most, Owners &owners)
        : width(like.width()), identity(1 + like.identity()), owners_(owners), codes_(identity) {
        require(owners.takes(identity), "the owners are of layouts with another number of words of identity");
        cells.resize(most * width);
        whose.reserve(most);
        said_.reserve(like.words());
    }

    // The texts that follow are of this layout.
    void begin(const Layout &layout) {
        layout_ = &layout;
        codes_[0] = layout.number;
        ++runs_;
    }

    // Whether a text is a row.
    bool add(std::string_view text) {
        double *row = cells.data() + whose.size() * width;
        if (!layout_->read(text, row, said_))
            return false;
        for (const auto &[step, word] : said_)
            if (step->sink == Sink::whose)
                codes_[1 + step->place] = owners_.names.of(word);
            else
                row[step->place] = static_cast<double>(words.of(word));
        const std::int64_t known = owners_.many(), owner = owners_.of(codes_);
        if (owner == known) {
            fresh.push_back(runs_ - 1);
            fresh.insert(fresh.end(), codes_.begin() + 1, codes_.end());
        }
        whose.push_back(owner);
        return true;
    }

    const std::size_t width, identity; // cells of a row; codes of an owner: the number of its layout, and names
    std::vector<double> cells;
    std::vector<std::int64_t> whose; // of each row its owner
    std::vector<Code> fresh;         // the owners that were not known, one after the other
    Words words;                     // of cells

private:
    Owners &owners_;
    const Layout *layout_ = nullptr;
    Code runs_ = 0;
    std::vector<Said> said_;
    std::vector<Code> codes_;
};

} // namespace leeway
