//! The few regular expressions of the published schemas, as Python's `re.search` understands them.

/// Whether the text has a place that fits the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    // Python's `$` also stands before a last line end.
    let line = text.strip_suffix('\n').unwrap_or(text);
    match pattern {
        ".*" => true,
        "^.*$" => !line.contains('\n'),
        "^.+$" => !line.is_empty() && !line.contains('\n'),
        "^[^,]+$" => !text.is_empty() && !text.contains(','),
        "^[a-zA-Z0-9-_]+$" => {
            !line.is_empty()
                && line
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        }
        "^application/(.*\\+)?json$" => line
            .strip_prefix("application/")
            .is_some_and(|rest| rest == "json" || (rest.ends_with("+json") && !rest.contains('\n'))),
        "^[a-zA-Z0-9]+/[a-zA-Z0-9\\-\\+\\.]+$" => is_mime(line, Start::Anchored),
        "[a-zA-Z0-9]+/[a-zA-Z0-9\\-\\+\\.]+$" => is_mime(line, Start::Anywhere),
        // Of a definition that no other one uses.
        "^[a-zA-Z0-9\\-\\+]+/[a-zA-Z0-9\\-\\+]+" => true,
        _ => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Anchored,
    Anywhere,
}

fn is_mime(line: &str, start: Start) -> bool {
    let Some((before, after)) = line.rsplit_once('/') else {
        return false;
    };
    let is_subtype = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    let before = before.as_bytes();
    !after.is_empty()
        && after.bytes().all(is_subtype)
        && match start {
            Start::Anchored => !before.is_empty() && before.iter().all(u8::is_ascii_alphanumeric),
            Start::Anywhere => before.last().is_some_and(u8::is_ascii_alphanumeric),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::node::Node;
    use crate::notebook::parse::parse;
    use crate::notebook::schema::{SCHEMA_3, SCHEMAS_4};

    fn check(pattern: &str, fitting: &[&str], others: &[&str]) {
        for text in fitting {
            assert!(matches(pattern, text), "{pattern} {text:?}");
        }
        for text in others {
            assert!(!matches(pattern, text), "{pattern} {text:?}");
        }
    }

    #[test]
    fn patterns_fit_as_in_python() {
        check("^.+$", &["a", "a\n", " "], &["", "\n", "a\nb", "a\n\n"]);
        check("^[^,]+$", &["a", "a\nb", "\n"], &["", "a,b"]);
        check("^[a-zA-Z0-9-_]+$", &["a-_1", "a\n"], &["", "ä", "a b", "a\n\n"]);
        check(
            "^application/(.*\\+)?json$",
            &["application/json", "application/x+json", "application/+json"],
            &["application/jsonx", "text/json", "application/xjson"],
        );
        check(
            "[a-zA-Z0-9]+/[a-zA-Z0-9\\-\\+\\.]+$",
            &["text/plain", "a b/c", "x/y/z"],
            &["text", "text/", "/x", "a/b c"],
        );
        check(
            "^[a-zA-Z0-9]+/[a-zA-Z0-9\\-\\+\\.]+$",
            &["text/plain"],
            &["a b/c", "x/y/z"],
        );
    }

    #[test]
    fn every_pattern_of_the_schemas_is_known() {
        for schema in SCHEMAS_4.iter().chain([&SCHEMA_3]) {
            each_pattern(&parse(schema, None).unwrap(), &mut |pattern| {
                let samples = ["a", "application/json", "text/plain"];
                assert!(samples.iter().any(|text| matches(pattern, text)), "{pattern}");
            });
        }
    }

    fn each_pattern(node: &Node<'_>, check: &mut dyn FnMut(&str)) {
        match node {
            Node::Object(object) => {
                for (key, value) in object.iter() {
                    match (key, value) {
                        ("pattern", Node::String(pattern)) => check(pattern),
                        ("patternProperties", Node::Object(patterns)) => {
                            patterns.iter().for_each(|(pattern, _)| check(pattern));
                        }
                        _ => {}
                    }
                    each_pattern(value, check);
                }
            }
            Node::Array(items) => items.iter().for_each(|item| each_pattern(item, check)),
            _ => {}
        }
    }
}
