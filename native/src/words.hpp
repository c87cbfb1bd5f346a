// Distinct words, numbered in the order of their coming. Null is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace leeway {

using Code = std::uint32_t;
constexpr Code NULL_WORD = 0;

struct Word {
    enum Kind : std::uint8_t { null, no, yes, text } kind;
    std::string_view written;
};

// A number that no sender knows: without it, texts could be chosen that all fall into the same place of the table.
inline std::uint64_t secret() {
    static const std::uint64_t drawn = [] {
        std::random_device device;
        return (static_cast<std::uint64_t>(device()) << 32 | device()) | 1;
    }();
    return drawn;
}

// Two 64-bit numbers into one, each bit of which depends on all of theirs: the halves of their product, folded.
inline std::uint64_t folded(std::uint64_t one, std::uint64_t other) {
    const std::uint64_t low = one & 0xFFFFFFFFu, high = one >> 32;
    const std::uint64_t other_low = other & 0xFFFFFFFFu, other_high = other >> 32;
    const std::uint64_t middle = high * other_low + (low * other_low >> 32);
    const std::uint64_t across = low * other_high + (middle & 0xFFFFFFFFu);
    return (one * other) ^ (high * other_high + (middle >> 32) + (across >> 32));
}

constexpr std::uint64_t ODD = 0x9E3779B97F4A7C15u; // 2^64 over the golden ratio

inline std::uint64_t hashed(std::string_view text, std::uint64_t key) {
    std::uint64_t hash = key ^ text.size();
    std::size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        std::uint64_t part;
        std::memcpy(&part, text.data() + at, 8);
        hash = folded(hash ^ part, key + ODD);
    }
    if (at < text.size()) {
        std::uint64_t part = 0;
        std::memcpy(&part, text.data() + at, text.size() - at);
        hash = folded(hash ^ part, key + ODD);
    }
    return folded(hash ^ ODD, key);
}

class Words {
public:
    // Unless words are copied, the bytes of a text must stay where they are for as long as this is used.
    explicit Words(bool copied = false)
        : words_{{Word::null, {}}}, table_(FIRST_PLACES, EMPTY), key_(secret()), copied_(copied) {}

    Code of(const Word &word) {
        switch (word.kind) {
        case Word::text:
            return of(word.written);
        case Word::null:
            return NULL_WORD;
        default:
            Code &code = word.kind == Word::yes ? yes_ : no_;
            if (code == EMPTY) {
                code = static_cast<Code>(words_.size());
                words_.push_back(word);
            }
            return code;
        }
    }

    const std::vector<Word> &all() const { return words_; }

private:
    static constexpr Code EMPTY = 0xFFFFFFFFu;
    static constexpr std::size_t FIRST_PLACES = 256; // a power of two; half of them at most are taken

    Code of(std::string_view text) {
        std::size_t place = hashed(text, key_) & (table_.size() - 1);
        for (; table_[place] != EMPTY; place = (place + 1) & (table_.size() - 1))
            if (words_[table_[place]].written == text)
                return table_[place];
        const auto code = static_cast<Code>(words_.size());
        words_.push_back({Word::text, copied_ ? copies_.emplace_back(text) : text});
        table_[place] = code;
        if (++texts_ * 2 > table_.size())
            grow();
        return code;
    }

    void grow() {
        std::vector<Code> wider(table_.size() * 2, EMPTY);
        for (const Code code : table_) {
            if (code == EMPTY)
                continue;
            std::size_t place = hashed(words_[code].written, key_) & (wider.size() - 1);
            while (wider[place] != EMPTY)
                place = (place + 1) & (wider.size() - 1);
            wider[place] = code;
        }
        table_.swap(wider);
    }

    std::vector<Word> words_;
    std::vector<Code> table_;
    std::uint64_t key_;
    bool copied_;
    std::deque<std::string> copies_; // none ever moves
    std::size_t texts_ = 0;
    Code no_ = EMPTY, yes_ = EMPTY;
};

} // namespace leeway
