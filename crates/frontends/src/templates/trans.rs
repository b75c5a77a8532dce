//! `{% trans %}…{% endtrans %}`, which marks text for translation.

/// The template without its `trans` and `endtrans` tags; the text between them stays.
///
/// Tags may hold whitespace control (`{%- trans -%}`) and line breaks (`{% endtrans⏎ %}`), as the packages
/// write them, and need not nest with the elements around them.
pub(super) fn without_trans_tags(source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag_on) = rest.split_at(start);
        let Some(end) = tag_on.find("%}") else { break };
        let (tag, after) = tag_on.split_at(end + 2);
        kept.push_str(before);
        let word = tag.trim_start_matches("{%").trim_end_matches("%}");
        let word = word
            .trim_start_matches(['-', '+'])
            .trim_end_matches(['-', '+'])
            .trim();
        if word != "trans" && word != "endtrans" {
            kept.push_str(tag);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::without_trans_tags;

    fn check(source: &str, expected: &str) {
        assert_eq!(without_trans_tags(source), expected);
    }

    #[test]
    fn trans_tags_go_and_everything_else_stays() {
        check("<b>{% trans %}Log in{% endtrans\n   %}</b>", "<b>Log in</b>");
        check("{%- trans -%}x{%- endtrans -%}", "x");
        check(
            "{% if transparent %}{{ a }}{% endif %}",
            "{% if transparent %}{{ a }}{% endif %}",
        );
        check("a {% unfinished", "a {% unfinished");
        check("no tags at all", "no tags at all");
    }
}
