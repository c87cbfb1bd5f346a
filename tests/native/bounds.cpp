// Texts that are almost events, each in memory of exactly its size: a sanitizer ends this at the first byte that is read
// behind one. Arguments: a seed, and how many texts. Prints how many were rows.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "batch.hpp"
#include "layout.hpp"

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

std::string almost(std::mt19937 &random) {
    const auto below = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>(0, most)(random); };
    std::string text = GOOD[below(GOOD.size() - 1)];
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

} // namespace

int main(int, char **arguments) {
    std::mt19937 random(static_cast<unsigned>(std::atoi(arguments[1])));
    const auto many = static_cast<std::size_t>(std::atoi(arguments[2]));
    const leeway::Layout layout(steps());
    std::size_t rows = 0;
    for (std::size_t first = 0; first < many; first += 100) {
        leeway::Batch batch(layout, 100);
        std::vector<std::unique_ptr<char[]>> kept;
        for (int at = 0; at < 100; ++at) {
            const std::string text = almost(random);
            kept.push_back(std::make_unique<char[]>(text.size()));
            std::copy(text.begin(), text.end(), kept.back().get());
            batch.add({kept.back().get(), text.size()});
        }
        rows += batch.whose.size();
    }
    std::cout << rows << '\n';
}
