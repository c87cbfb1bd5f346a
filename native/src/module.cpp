// What Python sees: Step, Decoder, Owners, Buckets, block, models, alike, times and lists.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <charconv>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "batch.hpp"
#include "buckets.hpp"
#include "layout.hpp"
#include "likely.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using leeway::Batch;
using leeway::Buckets;
using leeway::Counts;
using leeway::Kind;
using leeway::Layout;
using leeway::Owners;
using leeway::Sink;
using leeway::Step;
using leeway::Wire;
using leeway::Word;

template <typename Value> Value named(const std::vector<std::pair<const char *, Value>> &all, const std::string &name) {
    for (const auto &[known, value] : all)
        if (name == known)
            return value;
    throw std::invalid_argument("there is no '" + name + "'");
}

Step step(const std::string &kind, std::string key, bool nullable, double least, double most,
          std::vector<std::string> choices, const std::string &sink, std::size_t place, std::size_t many) {
    static const std::vector<std::pair<const char *, Kind>> kinds = {
        {"open", Kind::open},       {"close", Kind::close},     {"list", Kind::list},   {"text", Kind::text},
        {"choice", Kind::choice},   {"number", Kind::number},   {"numbers", Kind::numbers}, {"whole", Kind::whole},
        {"numeral", Kind::numeral}, {"truth", Kind::truth},     {"null", Kind::null}};
    static const std::vector<std::pair<const char *, Sink>> sinks = {
        {"none", Sink::none}, {"cell", Sink::cell}, {"whose", Sink::whose}};
    return {named(kinds, kind), std::move(key), nullable, least, most, std::move(choices), named(sinks, sink), place, many};
}

Layout *layout(std::vector<Step> steps, const std::string &wire) {
    static const std::vector<std::pair<const char *, Wire>> wires = {{"json", Wire::json}, {"msgpack", Wire::msgpack}};
    return new Layout(std::move(steps), named(wires, wire));
}

nb::object spoken(const Word &word) {
    switch (word.kind) {
    case Word::no:
        return nb::bool_(false);
    case Word::yes:
        return nb::bool_(true);
    case Word::text:
        return nb::str(word.written.data(), word.written.size());
    default:
        return nb::none();
    }
}

// An array that owns what it shows.
template <typename Value>
nb::ndarray<nb::numpy, Value> array(std::vector<Value> &&values, std::initializer_list<std::size_t> shape) {
    auto kept = std::make_unique<std::vector<Value>>(std::move(values));
    Value *first = kept->data();
    const nb::capsule owner(kept.get(), [](void *all) noexcept { delete static_cast<std::vector<Value> *>(all); });
    kept.release();
    return nb::ndarray<nb::numpy, Value>(first, shape, owner);
}

// The texts are held by a tuple of ours, so that nobody can take one away meanwhile.
nb::tuple held(nb::sequence values) {
    const auto texts = nb::steal<nb::tuple>(PySequence_Tuple(values.ptr()));
    if (!texts.is_valid())
        throw nb::python_error();
    return texts;
}

// The bytes of a text; whatever is not `bytes` has none.
std::string_view written(nb::handle text) {
    if (!PyBytes_Check(text.ptr()))
        return {};
    return {PyBytes_AS_STRING(text.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(text.ptr()))};
}

// So many texts by the first layout, so many by the next. Nothing is read unless all can be.
nb::tuple block(const std::vector<std::pair<const Layout *, std::size_t>> &runs, nb::sequence values, Owners &owners) {
    const nb::tuple texts = held(values);
    std::size_t left = texts.size();
    for (const auto &[layout, many] : runs) {
        leeway::require(layout != nullptr && many <= left, "the runs are not those of the texts");
        leeway::require(layout->like(*runs.front().first), "the layouts of a block are not alike");
        left -= many;
    }
    leeway::require(left == 0 && !runs.empty(), "the runs are not those of the texts");
    Batch batch(*runs.front().first, texts.size(), owners);
    nb::list refused, words, fresh;
    std::size_t place = 0;
    for (const auto &[layout, many] : runs) {
        batch.begin(*layout);
        for (const std::size_t end = place + many; place < end; ++place)
            if (!batch.add(written(texts[place])))
                refused.append(place);
    }
    for (const Word &word : batch.words.all())
        words.append(spoken(word));
    for (std::size_t at = 0; at < batch.fresh.size(); at += batch.identity) {
        nb::list who;
        for (std::size_t part = at + 1; part < at + batch.identity; ++part)
            who.append(spoken(owners.names.all()[batch.fresh[part]]));
        fresh.append(nb::make_tuple(batch.fresh[at], nb::tuple(who)));
    }
    const std::size_t rows = batch.whose.size();
    batch.cells.resize(rows * batch.width);
    return nb::make_tuple(refused, words, fresh, array(std::move(batch.whose), {rows}),
                          array(std::move(batch.cells), {rows, batch.width}));
}

// The models that texts likely speak of, and of each text which; 0 is none.
nb::tuple models(nb::sequence values) {
    const nb::tuple texts = held(values);
    leeway::Words found;
    std::vector<std::int64_t> which;
    which.reserve(texts.size());
    for (const nb::handle text : texts) {
        const std::string_view model = leeway::likely_model(written(text));
        which.push_back(model.empty() ? leeway::NULL_WORD : found.of({Word::text, model}));
    }
    nb::list names;
    for (const Word &word : found.all())
        names.append(spoken(word));
    const std::size_t many = which.size();
    return nb::make_tuple(names, array(std::move(which), {many}));
}

// Whether all texts are packed (or JSON: no), if they clearly have one of the two in common: none is empty or longer than
// that, and no message has headers.
nb::object alike(nb::sequence values, nb::sequence headers, std::size_t longest) {
    const nb::tuple texts = held(values), labels = held(headers);
    for (const nb::handle label : labels)
        if (!label.is_none())
            return nb::none();
    bool packed = false;
    for (std::size_t at = 0; at < texts.size(); ++at) {
        const std::string_view text = written(texts[at]);
        if (text.empty() || text.size() > longest)
            return nb::none();
        const bool is_packed = leeway::begins_a_map(text);
        if ((at > 0 && is_packed != packed) || (!is_packed && static_cast<unsigned char>(text[0]) >= 0x80))
            return nb::none();
        packed = is_packed;
    }
    return nb::bool_(packed);
}

// What the clocks of stamps say, if each has one: 0 is none.
nb::object times(nb::sequence stamps) {
    const nb::tuple all = held(stamps);
    std::vector<std::int64_t> found;
    found.reserve(all.size());
    for (const nb::handle stamp : all) {
        leeway::require(PyTuple_Check(stamp.ptr()) && PyTuple_GET_SIZE(stamp.ptr()) == 2, "a stamp is a clock and a time");
        const auto clock = nb::cast<std::int64_t>(nb::handle(PyTuple_GET_ITEM(stamp.ptr(), 0)));
        if (clock == 0)
            return nb::none();
        found.push_back(nb::cast<std::int64_t>(nb::handle(PyTuple_GET_ITEM(stamp.ptr(), 1))));
    }
    const std::size_t many = found.size();
    return nb::cast(array(std::move(found), {many}));
}

using Numbers = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

using Columns = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// The counts of each column from one start to the next, column by column: so many cuts of each have bins of their own.
nb::tuple counted(Buckets &buckets, Columns values, Numbers starts, Numbers cuts, Numbers lengths) {
    const std::size_t columns = values.shape(0), rows = values.shape(1), places = starts.size();
    const auto given = [](std::int64_t number) { return static_cast<std::size_t>(number); }; // below 0 it is too large
    const auto end = [&](std::size_t place) { return place + 1 < places ? given(starts(place + 1)) : rows; };
    for (std::size_t place = 0; place < places; ++place)
        leeway::require(given(starts(place)) <= end(place) && end(place) <= rows, "the starts are not those of the rows");
    leeway::require(lengths.size() == columns * places, "there are not as many lengths as groups");
    std::size_t left = cuts.size();
    for (std::size_t group = 0; group < lengths.size(); ++group) {
        leeway::require(given(lengths(group)) <= left, "the lengths are not those of the cuts");
        left -= given(lengths(group));
    }
    Counts found;
    found.lengths.reserve(lengths.size());
    const std::int64_t *cut = cuts.data();
    for (std::size_t group = 0; group < lengths.size(); ++group) {
        const std::size_t column = group / places, place = group % places, own = given(lengths(group));
        const std::size_t first = given(starts(place)), many = end(place) - first;
        const double *numbers = values.data() + column * rows + first;
        if (own > 0)
            buckets.count(numbers, many, cut, own, found);
        else
            buckets.count(numbers, many, found);
        cut += own;
    }
    const std::size_t groups = found.lengths.size(), seen = found.at.size();
    return nb::make_tuple(array(std::move(found.lengths), {groups}), array(std::move(found.at), {seen}),
                          array(std::move(found.counts), {seen}));
}

// The numbers up to the first end as a list in JSON, those up to the next as the next.
nb::list lists(Numbers numbers, Numbers ends) {
    constexpr std::size_t LONGEST = 21; // characters of a number, and a comma
    nb::list found;
    std::vector<char> text;
    const std::int64_t *number = numbers.data();
    std::int64_t left = static_cast<std::int64_t>(numbers.size()), begin = 0;
    for (std::size_t which = 0; which < ends.size(); ++which) {
        const std::int64_t many = ends(which) - begin;
        leeway::require(many >= 0 && many <= left, "the ends are not those of the numbers");
        text.resize(2 + LONGEST * static_cast<std::size_t>(many));
        char *at = text.data();
        *at++ = '[';
        for (const std::int64_t *last = number + many; number < last; ++number) {
            if (*number >= 0 && *number <= 9) // most are
                *at++ = static_cast<char>('0' + *number);
            else
                at = std::to_chars(at, at + LONGEST, *number).ptr;
            *at++ = ',';
        }
        at[many > 0 ? -1 : 0] = ']';
        found.append(nb::bytes(text.data(), static_cast<std::size_t>(at - text.data()) + (many > 0 ? 0 : 1)));
        begin = ends(which);
        left -= many;
    }
    return found;
}

} // namespace

NB_MODULE(_native, module) {
    nb::set_leak_warnings(false); // a worker may end at any moment, with layouts alive

    nb::class_<Step>(module, "Step")
        .def(nb::new_(&step), "kind"_a, nb::kw_only(), "key"_a = "", "nullable"_a = false, "least"_a = -leeway::NO_LIMIT,
             "most"_a = leeway::NO_LIMIT, "choices"_a = std::vector<std::string>(), "sink"_a = "none", "place"_a = 0,
             "many"_a = 1);

    nb::class_<Layout>(module, "Decoder")
        .def(nb::new_(&layout), "steps"_a, "wire"_a = "json");

    nb::class_<Owners>(module, "Owners").def(nb::init<>());

    nb::class_<Buckets>(module, "Buckets")
        .def(nb::init<>())
        .def("counted", &counted, "values"_a, "starts"_a, "cuts"_a, "lengths"_a);

    module.def("block", &block, "runs"_a, "values"_a, "owners"_a);
    module.def("models", &models, "values"_a);
    module.def("alike", &alike, "values"_a, "headers"_a, "longest"_a);
    module.def("times", &times, "stamps"_a);
    module.def("lists", &lists, "numbers"_a, "ends"_a);
}
