#include "core/billing/document.h"

#include <string.h>

#include "base/check.h"
#include "core/money/split.h"

struct document_run {
    struct arena *a;
    struct document doc;
    struct document_tax_rule rules[DOCUMENT_TAXES_MAX]; // those given, then the lines' own rates
    size_t given_count, rule_count;
};

static enum err_code check_currencies(const struct currency *currency,
                                      const struct document_source *sources, size_t source_count,
                                      struct err *e) {
    for (size_t i = 0; i < source_count; i++) {
        if (sources[i].rated->plan->currency != currency) {
            return err_set(e, ERR_INVALID, "a plan in %s cannot stand on a document in %s",
                           sources[i].rated->plan->currency->code, currency->code);
        }
    }
    return ERR_OK;
}

// Numbers the lines over all sources; net = amount until there are coupons.
static void take_lines(struct document_run *r, size_t source_count) {
    const struct document_source *sources = r->doc.sources;
    size_t count = 0;
    for (size_t i = 0; i < source_count; i++) {
        count += sources[i].rated->line_count;
    }
    struct document *d = &r->doc;
    d->lines = arena_array(r->a, count == 0 ? 1 : count, sizeof *d->lines);
    for (size_t i = 0; i < source_count; i++) {
        int before = (int)d->line_count;
        for (size_t k = 0; k < sources[i].rated->line_count; k++) {
            const struct rating_line *rated = &sources[i].rated->lines[k];
            struct document_line *l = &d->lines[d->line_count++];
            l->line = before + rated->line;
            l->parent = rated->parent == 0 ? 0 : before + rated->parent;
            l->source = i;
            l->rated = rated;
            l->tax = sources[i].tax != NULL
                         ? sources[i].tax[k]
                         : (struct document_tax_key){.category = rated->price->tax_category};
            l->net = rated->amount;
            d->net = decimal_add(r->a, d->net, l->net);
        }
    }
}

// --- tax -----------------------------------------------------------------------------------------

static bool has_rule(const struct document_run *r, const char *category, struct decimal rate) {
    for (size_t i = 0; i < r->rule_count; i++) {
        const struct document_tax_rule *rule = &r->rules[i];
        if (!rule->fixed && strcmp(rule->category, category) == 0 &&
            decimal_equal(rule->rate, rate)) {
            return true;
        }
    }
    return false;
}

static enum err_code too_many(struct err *e) {
    return err_set(e, ERR_LIMIT, "more than %d taxes on one document", DOCUMENT_TAXES_MAX);
}

static enum err_code add_rule(struct document_run *r, const struct document_tax_rule *rule,
                              struct err *e) {
    if (r->rule_count == DOCUMENT_TAXES_MAX) {
        return too_many(e);
    }
    if (rule->fixed) {
        if (!decimal_equal(rule->amount, currency_round(r->a, r->doc.currency, rule->amount))) {
            return err_set(e, ERR_INVALID, "a tax of category %s has parts of a minor unit",
                           rule->category);
        }
    } else if (decimal_sign(rule->rate) < 0) {
        return err_set(e, ERR_INVALID, "the tax rate of category %s is negative", rule->category);
    }
    r->rules[r->rule_count++] = *rule;
    return ERR_OK;
}

static enum err_code take_rules(struct document_run *r, const struct document_tax_rule *rules,
                                size_t rule_count, struct err *e) {
    enum err_code code = rule_count > DOCUMENT_TAXES_MAX ? too_many(e) : ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < rule_count; i++) {
        if (!rules[i].fixed && has_rule(r, rules[i].category, rules[i].rate)) {
            return err_set(e, ERR_INVALID, "tax category %s has the same rate twice",
                           rules[i].category);
        }
        code = add_rule(r, &rules[i], e);
    }
    r->given_count = r->rule_count;
    return code;
}

static enum err_code take_rates(struct document_run *r, struct err *e) {
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < r->doc.line_count; i++) {
        const struct document_tax_key *tax = &r->doc.lines[i].tax;
        if (tax->has_rate && !has_rule(r, tax->category, tax->rate)) {
            struct document_tax_rule rule = {.category = tax->category, .rate = tax->rate};
            code = add_rule(r, &rule, e);
        }
    }
    return code;
}

static bool bears(const struct document_run *r, const struct document_line *l, size_t k) {
    const struct document_tax_rule *rule = &r->rules[k];
    if (strcmp(l->tax.category, rule->category) != 0) {
        return false;
    }
    return l->tax.has_rate ? !rule->fixed && decimal_equal(l->tax.rate, rule->rate)
                           : k < r->given_count;
}

// R8: the group's tax laid on its lines by their nets.
static void tax_to_lines(struct document_run *r, size_t group, const size_t *members,
                         size_t count) {
    struct arena *a = r->a;
    struct document_tax *t = &r->doc.taxes[group];
    struct decimal *weights = arena_array(a, count, sizeof *weights);
    struct decimal *parts = arena_array(a, count, sizeof *parts);
    for (size_t i = 0; i < count; i++) {
        weights[i] = r->doc.lines[members[i]].net;
    }
    if (!decimal_is_zero(t->net)) {
        split_amount(a, t->amount, r->doc.currency->minor_digits, weights, count, parts);
    } else {
        parts[0] = t->amount; // no weights: a fixed tax on nothing stands on the first line
    }
    for (size_t i = 0; i < count; i++) {
        struct document_line *l = &r->doc.lines[members[i]];
        l->taxes[l->tax_count++] = (struct document_line_tax){group, parts[i]};
    }
}

// R9: once per category and rate, on the sum of the nets.
static void take_taxes(struct document_run *r) {
    struct arena *a = r->a;
    struct document *d = &r->doc;
    d->taxes = arena_array(a, r->rule_count + 1, sizeof *d->taxes);
    size_t *members = arena_array(a, d->line_count + 1, sizeof *members);
    for (size_t i = 0; i < d->line_count; i++) {
        d->lines[i].taxes = arena_array(a, r->rule_count + 1, sizeof *d->lines[i].taxes);
    }
    for (size_t k = 0; k < r->rule_count; k++) {
        const struct document_tax_rule *rule = &r->rules[k];
        struct document_tax t = {
            .category = rule->category, .fixed = rule->fixed, .rate = rule->rate};
        size_t count = 0;
        for (size_t i = 0; i < d->line_count; i++) {
            if (bears(r, &d->lines[i], k)) {
                members[count++] = i;
                t.net = decimal_add(a, t.net, d->lines[i].net);
            }
        }
        if (count == 0) {
            continue;
        }
        t.amount = rule->fixed
                       ? rule->amount
                       : currency_round(a, d->currency, decimal_percent(a, t.net, rule->rate));
        d->taxes[d->tax_count] = t;
        d->tax = decimal_add(a, d->tax, t.amount);
        tax_to_lines(r, d->tax_count++, members, count);
    }
}

// --- share ---------------------------------------------------------------------------------------

static enum err_code take_shares(struct document_run *r, struct err *e) {
    for (size_t i = 0; i < r->doc.line_count; i++) {
        struct document_line *l = &r->doc.lines[i];
        const struct share_rule *rule = r->doc.sources[l->source].share;
        if (rule == NULL) {
            continue;
        }
        enum err_code code =
            share_divide(r->a, rule, r->doc.currency, l->net, &l->parts, &l->part_count, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum err_code document_build(struct arena *a, const struct currency *currency,
                             const struct document_source *sources, size_t source_count,
                             const struct document_tax_rule *rules, size_t rule_count,
                             struct document *ret, struct err *e) {
    enum err_code code = check_currencies(currency, sources, source_count, e);
    if (code != ERR_OK) {
        return code;
    }
    struct document_source *kept = arena_array(a, source_count + 1, sizeof *kept);
    for (size_t i = 0; i < source_count; i++) {
        kept[i] = sources[i];
    }
    struct document_run *r = arena_alloc(a, sizeof *r);
    *r = (struct document_run){.a = a, .doc = {.currency = currency, .sources = kept}};
    take_lines(r, source_count);
    code = take_rules(r, rules, rule_count, e);
    if (code == ERR_OK) {
        code = take_rates(r, e);
    }
    if (code == ERR_OK) {
        take_taxes(r);
        code = take_shares(r, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    r->doc.total = decimal_add(a, r->doc.net, r->doc.tax);
    r->doc.due = r->doc.total;
    *ret = r->doc;
    return ERR_OK;
}
