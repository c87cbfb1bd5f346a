// Texts and packed messages that are almost events, and numbers with cuts, each in memory of exactly its size: a sanitizer
// ends this at the first byte that is read behind one. Arguments: a seed, and how many of each. Prints how many texts and
// messages were rows, and how many numbers were counted.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "batch.hpp"
#include "buckets.hpp"
#include "layout.hpp"
#include "likely.hpp"

using leeway::Kind;
using leeway::Sink;
using leeway::Step;

namespace {

std::vector<Step> steps() {
    return {
        Step{Kind::open, ""},
        Step{Kind::choice, "kind", false, 0, 0, {"prediction"}},
        Step{Kind::text, "model", false, 1, 128, {}, Sink::whose, 0},
        Step{Kind::text, "version", false, 1, 128, {}, Sink::whose, 1},
        Step{Kind::whole, "ts", false, 1e11, 1e14, {}, Sink::cell, 0},
        Step{Kind::open, "features"},
        Step{Kind::number, "age", true, -leeway::NO_LIMIT, leeway::NO_LIMIT, {}, Sink::cell, 1},
        Step{Kind::text, "plan", true, 0, 12, {}, Sink::cell, 2},
        Step{Kind::truth, "new", true, 0, 0, {}, Sink::cell, 3},
        Step{Kind::close, ""},
        Step{Kind::open, "prediction"},
        Step{Kind::numeral, "label", false, -leeway::NO_LIMIT, leeway::NO_LIMIT, {}, Sink::cell, 4},
        Step{Kind::number, "score", false, 0, 1, {}, Sink::cell, 5},
        Step{Kind::null, "value"},
        Step{Kind::close, ""},
        Step{Kind::open, "tags"},
        Step{Kind::close, ""},
        Step{Kind::choice, "status", false, 0, 0, {"ok", "error"}, Sink::cell, 6},
        Step{Kind::close, ""},
    };
}

const std::vector<std::string> GOOD = {
    R"({"kind":"prediction","model":"m","version":"1","ts":1790000000000,"features":{"age":41.5,"plan":"pro","new":true},)"
    R"("prediction":{"label":3,"score":0.25,"value":null},"tags":{},"status":"ok"})",
    "{ \"kind\" : \"prediction\" ,\n\"model\": \"m\u00fc\",\t\"version\": \"1\", \"ts\": 1790000000001, \"features\": "
    "{\"age\": -4.1e-7, \"plan\": \"\U0001F642\u6771\", \"new\": null}, \"prediction\": {\"label\": -12, \"score\": 1e-3, "
    "\"value\": null}, \"tags\": { }, \"status\": \"error\" } ",
    R"({"kind":"prediction","model":"n","version":"22","ts":1790000000002,"features":{"age":null,"plan":null,"new":false},)"
    R"("prediction":{"label":0,"score":0.12345678901234567890123,"value":null},"tags":{},"status":"ok"})",
};

std::vector<Step> packed_steps() {
    return {
        Step{Kind::open, ""},
        Step{Kind::text, "model", false, 1, 128, {}, Sink::whose, 0},
        Step{Kind::whole, "ts", false, 1e11, 1e14, {}, Sink::cell, 0},
        Step{Kind::choice, "number_names", false, 0, 0, {"age,nps"}},
        Step{Kind::numbers, "numbers", false, 0, 0, {}, Sink::cell, 1, 2},
        Step{Kind::list, "texts"},
        Step{Kind::text, "", true, 0, 12, {}, Sink::cell, 3},
        Step{Kind::truth, "", true, 0, 0, {}, Sink::cell, 4},
        Step{Kind::close, ""},
        Step{Kind::number, "prediction", true, -leeway::NO_LIMIT, leeway::NO_LIMIT, {}, Sink::cell, 5},
        Step{Kind::close, ""},
    };
}

// `model` m, `ts` 1790000000000, two doubles, two texts, and an answer as it is given.
std::string packed(const std::string &texts, const std::string &answer) {
    const std::string head = "\x86\xA5model\xA1m\xA2ts\xCF";
    const std::string ts("\x00\x00\x01\xA0\xC4\x25\x98\x00", 8);
    const std::string numbers = "\xACnumber_names\xA7" "age,nps\xA7numbers\xC4\x10" + std::string(16, '\x3F');
    return head + ts + numbers + "\xA5texts\x92" + texts + "\xAAprediction" + answer;
}

const std::vector<std::string> PACKED = {
    packed("\xA3pro\xC3", std::string("\xCB\x3F\xF0\0\0\0\0\0\0", 9)),
    packed("\xD9\x07\xC3\xBC\xE6\x9D\xB1\xC2\xA0\xC2", "\xD1\x80\x01"),
    packed("\xC0\xC0", "\xC0"),
    packed(std::string("\xDA\x00\x01x\xC3", 5), std::string("\xCA\x3F\x80\x00\x00", 5)),
};

std::string almost(std::mt19937 &random, const std::vector<std::string> &good) {
    const auto below = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
    std::string text = good[below(good.size() - 1)];
    for (std::size_t times = below(2); times > 0 && !text.empty(); --times) {
        const std::size_t at = below(text.size() - 1);
        switch (below(4)) {
        case 0:
            text.resize(at);
            break;
        case 1:
            text.erase(at, below(20));
            break;
        case 2:
            text[at] = static_cast<char>(below(255));
            break;
        case 3:
            text.insert(at, text.substr(below(text.size() - 1), below(20)));
            break;
        default:
            text[at] = static_cast<char>(text[at] ^ (1 << below(7)));
        }
    }
    return text;
}

// How many of so many texts are rows.
std::size_t rows(const leeway::Layout &layout, const std::vector<std::string> &good, std::mt19937 &random, std::size_t many) {
    std::size_t found = 0;
    for (std::size_t first = 0; first < many; first += 100) {
        leeway::Owners owners;
        leeway::Batch batch(layout, 100, owners);
        batch.begin(layout);
        std::vector<std::unique_ptr<char[]>> kept;
        for (int at = 0; at < 100; ++at) {
            const std::string text = almost(random, good);
            kept.push_back(std::make_unique<char[]>(text.size()));
            std::copy(text.begin(), text.end(), kept.back().get());
            const std::string_view exact(kept.back().get(), text.size());
            batch.add(exact);
            leeway::likely_model(exact);
        }
        found += batch.whose.size();
    }
    return found;
}

// How many of so many numbers are counted, half of them by bin.
std::size_t counted(std::mt19937 &random, std::size_t many) {
    const auto below = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
    const std::vector<double> some = {0.0, -0.0, 37.0, -1e-320, std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::max(), std::numeric_limits<double>::quiet_NaN()};
    leeway::Buckets buckets;
    leeway::Counts found;
    for (std::size_t done = 0; done < many;) {
        const std::size_t size = below(300), bins = below(1) * below(60);
        const auto numbers = std::make_unique<double[]>(size);
        for (std::size_t at = 0; at < size; ++at)
            numbers[at] = below(1) == 0 ? some[below(some.size() - 1)] : std::normal_distribution<>(40.0, 12.0)(random);
        const auto cuts = std::make_unique<std::int64_t[]>(bins);
        for (std::size_t at = 0; at < bins; ++at)
            cuts[at] = static_cast<std::int64_t>(below(1 << 22)) - (1 << 21);
        std::sort(cuts.get(), cuts.get() + bins);
        if (bins > 0)
            buckets.count(numbers.get(), size, cuts.get(), bins, found);
        else
            buckets.count(numbers.get(), size, found);
        done += size + 1;
    }
    std::size_t all = 0;
    for (const std::int64_t times : found.counts)
        all += static_cast<std::size_t>(times);
    return all;
}

} // namespace

int main(int, char **arguments) {
    std::mt19937 random(static_cast<unsigned>(std::atoi(arguments[1])));
    const auto many = static_cast<std::size_t>(std::atoi(arguments[2]));
    std::cout << rows(leeway::Layout(steps()), GOOD, random, many) << ' '
              << rows(leeway::Layout(packed_steps(), leeway::Wire::msgpack), PACKED, random, many) << ' '
              << counted(random, many) << '\n';
}
