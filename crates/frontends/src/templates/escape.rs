//! Escaping as MarkupSafe does it: `& < > " '`, and not `/`.
//!
//! `minijinja` by itself also escapes `/`. Inside `<script>` entities are not decoded, and NBClassic prints
//! its base URL there.

use minijinja::value::Value;
use minijinja::{AutoEscape, Error, Output, State};

/// The formatter of every `{{ … }}`.
pub(super) fn format(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let text = match value.as_str() {
        // `{{ link if condition }}` without `else` and missing variables print nothing, as in Jinja.
        _ if value.is_undefined() => return Ok(()),
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let escaped = match state.auto_escape() {
        AutoEscape::Html if !value.is_safe() => escape(&text),
        _ => text,
    };
    out.write_str(&escaped).map_err(Error::from)
}

/// The filters `e` and `escape`.
pub(super) fn filter(value: &Value) -> Value {
    if value.is_safe() {
        return value.clone();
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Value::from_safe_string(escape(&text))
}

/// `text` with the five characters of HTML replaced.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use crate::templates::engine;
    use minijinja::context;

    fn check(template: &str, expected: &str) {
        let rendered = engine().render_str(template, context! { text => "</a b='\"&\"'>", yes => true });
        assert_eq!(rendered.expect("renders"), expected);
    }

    #[test]
    fn text_is_escaped_once_and_slashes_stay() {
        check("{{ text }}", "&lt;/a b=&#39;&#34;&amp;&#34;&#39;&gt;");
        check("{{ text | e }}", "&lt;/a b=&#39;&#34;&amp;&#34;&#39;&gt;");
        check(
            "{{ text | escape | e }}",
            "&lt;/a b=&#39;&#34;&amp;&#34;&#39;&gt;",
        );
        check("{{ text | safe }}", "</a b='\"&\"'>");
        check("{{ missing }}{{ 'a' if missing }}", "");
        // NBClassic's scripts compare with the word as Python prints it.
        check("{{ yes }}", "True");
    }
}
