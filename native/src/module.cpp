// What Python sees: Step, and Decoder.block.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "batch.hpp"
#include "layout.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using leeway::Batch;
using leeway::Kind;
using leeway::Layout;
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

// The texts are held by a tuple of ours, so that nobody can take one away meanwhile. Whatever is not `bytes` is refused.
nb::tuple block(const Layout &layout, nb::sequence values) {
    const auto texts = nb::steal<nb::tuple>(PySequence_Tuple(values.ptr()));
    if (!texts.is_valid())
        throw nb::python_error();
    Batch batch(layout, texts.size());
    nb::list refused, words, identities;
    for (std::size_t place = 0; place < texts.size(); ++place) {
        const nb::handle text = texts[place];
        const bool fits = PyBytes_Check(text.ptr()) &&
                          batch.add({PyBytes_AS_STRING(text.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(text.ptr()))});
        if (!fits)
            refused.append(place);
    }
    for (const Word &word : batch.words.all())
        words.append(spoken(word));
    for (std::size_t at = 0; at < batch.identities.size(); at += layout.identity()) {
        nb::list who;
        for (std::size_t part = at; part < at + layout.identity(); ++part)
            who.append(spoken(batch.names.all()[batch.identities[part]]));
        identities.append(nb::tuple(who));
    }
    const std::size_t rows = batch.whose.size();
    batch.cells.resize(rows * layout.width());
    return nb::make_tuple(refused, words, identities, array(std::move(batch.whose), {rows}),
                          array(std::move(batch.cells), {rows, layout.width()}));
}

} // namespace

NB_MODULE(_native, module) {
    nb::set_leak_warnings(false); // a worker may end at any moment, with layouts alive

    nb::class_<Step>(module, "Step")
        .def(nb::new_(&step), "kind"_a, nb::kw_only(), "key"_a = "", "nullable"_a = false, "least"_a = -leeway::NO_LIMIT,
             "most"_a = leeway::NO_LIMIT, "choices"_a = std::vector<std::string>(), "sink"_a = "none", "place"_a = 0,
             "many"_a = 1);

    nb::class_<Layout>(module, "Decoder")
        .def(nb::new_(&layout), "steps"_a, "wire"_a = "json")
        .def("block", &block, "values"_a);
}
