// The values of an event that is written in JSON: what stands at the cursor, if it is what a step wants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cursor.hpp"
#include "number.hpp"
#include "step.hpp"
#include "text.hpp"

namespace leeway {

class Json {
public:
    // Throws std::invalid_argument for a step that JSON does not have, or that it would write in more than one way.
    static void prepare(Step &step) {
        require(step.kind != Kind::list && step.kind != Kind::numbers, "a step is of a kind that only msgpack has");
        require(is_plain(step.key), "a key has signs that JSON escapes or that are not ASCII");
        if (step.keyed) {
            step.quoted = '"' + step.key + '"';
            step.lead = (step.comma ? "," : "") + step.quoted + ":";
            step.spacious = (step.comma ? ", " : "") + step.quoted + ": ";
        }
        for (const std::string &choice : step.choices) {
            require(is_plain(choice), "a choice has signs that JSON escapes or that are not ASCII");
            step.spelled.push_back('"' + choice + '"');
        }
    }

    explicit Json(std::string_view text) : cursor_(text.data(), text.size()) { cursor_.skip_blanks(); }

    // Everything up to the value: comma, key, colon and blanks. Within a text they are nearly always written alike.
    bool lead(const Step &step) {
        if (step.kind == Kind::close) {
            cursor_.skip_blanks();
            return true;
        }
        if (!cursor_.take(spacious_ ? step.spacious : step.lead)) {
            spacious_ = !spacious_;
            if (!cursor_.take(spacious_ ? step.spacious : step.lead) && !lead_apart(step))
                return false;
        }
        cursor_.skip_blanks();
        return true;
    }

    bool ended() {
        cursor_.skip_blanks();
        return cursor_.left() == 0;
    }

    bool open(const Step &) { return cursor_.take('{'); }
    bool close() { return cursor_.take('}'); }
    bool null() { return cursor_.take("null"); }
    bool number(double &value) { return take_number(cursor_, value); }
    bool numbers(const Step &, double *) { return false; }
    bool whole(std::int64_t &value, std::string_view &written) { return take_whole(cursor_, value, written); }
    bool text(std::string_view &written) { return take_text(cursor_, written); }

    bool choice(const Step &step, std::string_view &written) {
        const char *first = cursor_.at;
        for (const std::string &choice : step.spelled)
            if (cursor_.take(choice)) {
                written = std::string_view(first + 1, choice.size() - 2);
                return true;
            }
        return false;
    }

    bool truth(bool &yes) {
        yes = cursor_.take("true");
        return yes || cursor_.take("false");
    }

private:
    static bool is_plain(const std::string &text) {
        for (const char sign : text)
            if (!PLAIN[static_cast<unsigned char>(sign)])
                return false;
        return true;
    }

    // A lead that has its blanks elsewhere.
    bool lead_apart(const Step &step) {
        cursor_.skip_blanks();
        if (step.comma && !cursor_.take(','))
            return false;
        cursor_.skip_blanks();
        if (!cursor_.take(step.quoted))
            return false;
        cursor_.skip_blanks();
        return cursor_.take(':');
    }

    Cursor cursor_;
    bool spacious_ = false;
};

} // namespace leeway
