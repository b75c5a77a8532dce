//! Python literals, as `--Class.trait="['a', 'b']"` and `"{'a': 1}"` are written (`ast.literal_eval` in the reference).

use serde_json::{Map, Number, Value};

/// Brackets may nest this deep.
const DEPTH_MAX: usize = 64;

/// Reads one literal: a string, number, `True`, `False`, `None`, list, tuple or dict (with text keys). Tuples become
/// lists. `None` when the text is anything else.
pub fn parse(text: &str) -> Option<Value> {
    let mut parser = Parser { rest: text.trim() };
    let value = parser.value(0)?;
    parser.rest.trim_start().is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.skip_space();
        match self.rest.chars().next()? {
            '[' => self.sequence(']', depth),
            '(' => self.sequence(')', depth),
            '{' => self.dict(depth),
            '\'' | '"' => self.string().map(Value::String),
            _ => self.word(),
        }
    }

    fn sequence(&mut self, end: char, depth: usize) -> Option<Value> {
        self.rest = self.rest.get(1..)?;
        let mut items = Vec::new();
        loop {
            if self.take(end) {
                return Some(Value::Array(items));
            }
            items.push(self.value(depth + 1)?);
            if !self.take(',') {
                return self.take(end).then_some(Value::Array(items));
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Option<Value> {
        self.rest = self.rest.get(1..)?;
        let mut entries = Map::new();
        loop {
            if self.take('}') {
                return Some(Value::Object(entries));
            }
            let Value::String(key) = self.value(depth + 1)? else {
                return None;
            };
            if !self.take(':') {
                return None;
            }
            entries.insert(key, self.value(depth + 1)?);
            if !self.take(',') {
                return self.take('}').then_some(Value::Object(entries));
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, character)) = characters.next() {
            match character {
                _ if character == quote => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => match characters.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    escaped @ ('\\' | '\'' | '"') => text.push(escaped),
                    other => text.extend(['\\', other]),
                },
                _ => text.push(character),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find([',', ']', ')', '}', ':', ' ', '\n', '\t'])
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            "None" | "null" => Some(Value::Null),
            _ => integer(word)
                .map(Value::from)
                .or_else(|| Number::from_f64(word.parse().ok()?).map(Value::Number)),
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// An integer as Python's `int()` reads it: spaces around it, a sign, single underscores between digits.
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let is_odd = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    if is_odd {
        None
    } else {
        text.replace('_', "").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn literals_are_read_as_python_reads_them() {
        let check = |text: &str, expected: Option<Value>| assert_eq!(parse(text), expected, "{text}");
        check("['a', \"b\"]", Some(json!(["a", "b"])));
        check(
            "('a', 1, 2.5, True, None,)",
            Some(json!(["a", 1, 2.5, true, null])),
        );
        check(
            "{'a': {'b': []}, 'c': 'd\\'e'}",
            Some(json!({"a": {"b": []}, "c": "d'e"})),
        );
        check("[]", Some(json!([])));
        check("[a]", None);
        check("['a'", None);
        check("{1: 2}", None);
        check("['a'] x", None);
        check("range(3)", None);
        check(&"[".repeat(10_000), None);
    }

    #[test]
    fn integers_may_have_underscores() {
        let check = |text: &str, expected| assert_eq!(integer(text), expected, "{text}");
        check(" 8888 ", Some(8888));
        check("-1", Some(-1));
        check("1_000", Some(1000));
        check("1__0", None);
        check("1.0", None);
        check("", None);
    }
}
