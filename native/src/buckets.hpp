// Numbers become counts, group by group: by universal bucket, the top bits of a double in the order of the numbers, or by
// the bin between cuts that the bucket lies in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace leeway {

struct Counts {
    std::vector<std::int64_t> lengths, at, counts; // of each group how many; what was seen, ascending, and how often

    void add(std::int64_t seen, std::int64_t times) {
        at.push_back(seen);
        counts.push_back(times);
    }
};

class Buckets {
public:
    Buckets()
        : times_(static_cast<std::uint32_t *>(std::calloc(BUCKETS, sizeof(std::uint32_t))), &std::free),
          bits_{Bits(BUCKETS >> 6), Bits(BUCKETS >> 12), Bits(BUCKETS >> 18)} {
        if (!times_)
            throw std::bad_alloc();
    }

    // The numbers of one group, NaN is none: by bucket.
    void count(const double *values, std::size_t many, Counts &found) {
        for (std::size_t each = 0; each < many; ++each)
            if (values[each] == values[each]) {
                const std::uint32_t bucket = shifted(values[each]);
                if (times_[bucket]++ == 0)
                    mark(bucket);
            }
        const std::size_t before = found.at.size();
        take(bits_.size() - 1, 0, bits_.back().size(), found);
        found.lengths.push_back(static_cast<std::int64_t>(found.at.size() - before));
    }

    // By bin: as many as there are cuts below it or in it, which ascend.
    void count(const double *values, std::size_t many, const std::int64_t *cuts, std::size_t bins, Counts &found) {
        bins_.assign(bins + 1, 0);
        for (std::size_t each = 0; each < many; ++each)
            if (values[each] == values[each])
                ++bins_[bin(static_cast<std::int64_t>(shifted(values[each])) - MIDDLE, cuts, bins)];
        const std::size_t before = found.at.size();
        for (std::size_t each = 0; each < bins_.size(); ++each)
            if (bins_[each] > 0)
                found.add(static_cast<std::int64_t>(each), bins_[each]);
        found.lengths.push_back(static_cast<std::int64_t>(found.at.size() - before));
    }

private:
    using Bits = std::vector<std::uint64_t>;

    static constexpr unsigned KEPT = 22, DROPPED = 64 - KEPT; // bits: sign 1, exponent 11, mantissa 10
    static constexpr std::size_t BUCKETS = std::size_t{1} << KEPT;
    static constexpr std::int64_t MIDDLE = std::int64_t{1} << (KEPT - 1);

    // The bucket of a number, and so much more that none is negative.
    static std::uint32_t shifted(double value) {
        value += 0.0; // there is one zero
        std::uint64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        // Of a negative number the larger magnitude is the smaller number.
        const std::uint64_t ordered = bits ^ (bits >> 63 ? ~std::uint64_t{0} : std::uint64_t{1} << 63);
        return static_cast<std::uint32_t>(ordered >> DROPPED);
    }

    static std::size_t bin(std::int64_t bucket, const std::int64_t *cuts, std::size_t bins) {
        const std::int64_t *first = cuts;
        while (bins > 0) { // halved without a branch, which nobody could predict
            const std::size_t half = (bins + 1) / 2;
            first += static_cast<std::size_t>(first[half - 1] <= bucket) * half;
            bins -= half;
        }
        return static_cast<std::size_t>(first - cuts);
    }

    void mark(std::size_t place) {
        for (Bits &level : bits_) {
            std::uint64_t &word = level[place >> 6];
            const bool known = word != 0;
            word |= std::uint64_t{1} << (place & 63);
            if (known)
                return;
            place >>= 6;
        }
    }

    // What is marked in some words of a level, ascending; nothing is marked after that.
    void take(std::size_t level, std::size_t first, std::size_t end, Counts &found) {
        for (std::size_t word = first; word < end; ++word)
            for (std::uint64_t &left = bits_[level][word]; left != 0; left &= left - 1) {
                const std::size_t place = (word << 6) + static_cast<std::size_t>(__builtin_ctzll(left));
                if (level > 0) {
                    take(level - 1, place, place + 1, found);
                } else {
                    found.add(static_cast<std::int64_t>(place) - MIDDLE, times_[place]);
                    times_[place] = 0;
                }
            }
    }

    // Of each bucket, 0 between two groups; what is never touched takes no memory.
    std::unique_ptr<std::uint32_t[], decltype(&std::free)> times_;
    std::array<Bits, 3> bits_; // which buckets are not 0; which words of that; which words of these
    std::vector<std::int64_t> bins_;
};

} // namespace leeway
