//! Settings with their types, looked up along the inheritance of Jupyter's classes.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::literal;
use super::{Raw, Setting, Settings};
use crate::variables::Variables;

/// A setting whose value does not fit.
#[derive(Debug, thiserror::Error)]
#[error("{class}.{name} must be {expected}, not {found} ({place})")]
pub struct BadSetting {
    class: String,
    name: String,
    expected: String,
    found: String,
    place: String,
}

/// Reads settings and remembers which ones exist in this server.
pub struct Reader<'a> {
    settings: &'a Settings,
    variables: &'a Variables,
    used: RefCell<BTreeSet<(String, String)>>,
}

impl<'a> Reader<'a> {
    /// A reader of `settings`; `variables` tell what `~` is.
    pub fn new(settings: &'a Settings, variables: &'a Variables) -> Self {
        Self {
            settings,
            variables,
            used: RefCell::default(),
        }
    }

    /// The traits of a class and those it inherits, the class itself first.
    pub fn class<'r>(&'r self, classes: &'r [&'r str]) -> Traits<'r> {
        Traits {
            reader: self,
            classes,
        }
    }

    /// The names of the settings that exist here, for the documentation: every one that was asked for.
    pub fn known(&self) -> Vec<String> {
        self.used
            .borrow()
            .iter()
            .map(|(class, name)| format!("{class}.{name}"))
            .collect()
    }

    /// The settings that were given and that nobody asked for.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let given = self.settings.iter();
        given
            .filter(|(class, name, _)| !used.contains(&((*class).to_owned(), (*name).to_owned())))
            .map(|(class, name, _)| format!("{class}.{name}"))
            .collect()
    }
}

/// The traits of one class.
pub struct Traits<'r> {
    reader: &'r Reader<'r>,
    classes: &'r [&'r str],
}

impl Traits<'_> {
    /// The setting that counts: the command line before files, then the most derived class.
    fn find(&self, name: &str) -> Option<(&str, &Setting)> {
        let mut used = self.reader.used.borrow_mut();
        used.extend(
            self.classes
                .iter()
                .map(|class| ((*class).to_owned(), name.to_owned())),
        );
        let given = self.classes.iter();
        let given = given.filter_map(|class| Some((*class, self.reader.settings.get(class, name)?)));
        given
            .rev()
            .max_by_key(|(_, setting)| setting.source.is_command_line())
    }

    /// Says that a setting exists although nobody needs its value this time.
    pub fn know(&self, name: &str) {
        self.find(name);
    }

    /// A text; `~` is expanded on the command line.
    pub fn text(&self, name: &str) -> Result<Option<String>, BadSetting> {
        self.read(
            name,
            "a text",
            Value::as_str,
            |word| Some(self.word(word)),
            str::to_owned,
        )
    }

    /// A name or its number, as a text.
    pub fn text_or_number(&self, name: &str) -> Result<Option<String>, BadSetting> {
        let json = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        self.read(
            name,
            "a name or a number",
            json,
            |word| Some(word.to_owned()),
            |it| it,
        )
    }

    /// A switch: `True`, `true` or `1`, `False`, `false` or `0`.
    pub fn switch(&self, name: &str) -> Result<Option<bool>, BadSetting> {
        let word = |word: &str| match word.to_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        self.read(name, "true or false", Value::as_bool, word, |value| value)
    }

    /// A whole number that fits into `T`.
    pub fn integer<T: TryFrom<i64>>(&self, name: &str) -> Result<Option<T>, BadSetting> {
        let Some(number) = self.read(name, "a whole number", Value::as_i64, literal::integer, |it| it)?
        else {
            return Ok(None);
        };
        let fits = T::try_from(number).ok();
        fits.map(Some)
            .ok_or_else(|| self.bad(name, "a number in its range"))
    }

    /// A number that may have a fraction; seconds, mostly.
    pub fn number(&self, name: &str) -> Result<Option<f64>, BadSetting> {
        self.read(
            name,
            "a number",
            Value::as_f64,
            |word| word.trim().parse().ok(),
            |it| it,
        )
    }

    /// A list of texts: repeated on the command line, or one Python literal.
    pub fn list(&self, name: &str) -> Result<Option<Vec<String>>, BadSetting> {
        let Some((_, setting)) = self.find(name) else {
            return Ok(None);
        };
        let texts = |items: &[Value]| {
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        let list: Option<Vec<String>> = match &setting.raw {
            Raw::Json(Value::Array(items)) => texts(items),
            Raw::Json(_) => None,
            Raw::Words(words) => match words.as_slice() {
                [one] if one.starts_with(['[', '(']) => match literal::parse(one) {
                    Some(Value::Array(items)) => texts(&items),
                    _ => None,
                },
                several => Some(several.iter().map(|word| self.word(word)).collect()),
            },
        };
        list.map(Some).ok_or_else(|| self.bad(name, "a list of texts"))
    }

    /// A dictionary: one Python literal, or `key=value` words.
    pub fn dictionary(&self, name: &str) -> Result<Option<Map<String, Value>>, BadSetting> {
        let Some((_, setting)) = self.find(name) else {
            return Ok(None);
        };
        let map = match &setting.raw {
            Raw::Json(Value::Object(map)) => Some(map.clone()),
            Raw::Json(_) => None,
            Raw::Words(words) => match words.as_slice() {
                [one] if one.starts_with('{') => match literal::parse(one) {
                    Some(Value::Object(map)) => Some(map),
                    _ => None,
                },
                several => several.iter().map(|word| pair(word)).collect(),
            },
        };
        map.map(Some).ok_or_else(|| self.bad(name, "a dictionary"))
    }

    /// An error about the value that counts, for checks that know more than a type.
    pub fn bad(&self, name: &str, expected: &str) -> BadSetting {
        let (class, found, place) = match self.find(name) {
            Some((class, setting)) => (class, describe(&setting.raw, name), setting.source.to_string()),
            None => (
                self.classes.first().copied().unwrap_or_default(),
                "its default".to_owned(),
                String::new(),
            ),
        };
        BadSetting {
            class: class.to_owned(),
            name: name.to_owned(),
            expected: expected.to_owned(),
            found,
            place,
        }
    }

    fn read<'s, T, U>(
        &'s self,
        name: &str,
        expected: &str,
        json: impl Fn(&'s Value) -> Option<T>,
        word: impl Fn(&str) -> Option<U>,
        convert: impl Fn(T) -> U,
    ) -> Result<Option<U>, BadSetting>
    where
        T: 's,
    {
        let Some((_, setting)) = self.find(name) else {
            return Ok(None);
        };
        let value = match &setting.raw {
            // None is how a file says that a setting is not set.
            Raw::Json(Value::Null) => return Ok(None),
            Raw::Json(value) => json(value).map(convert),
            Raw::Words(words) => match words.as_slice() {
                [one] => word(one),
                _ => return Err(self.bad(name, "given once")),
            },
        };
        value.map(Some).ok_or_else(|| self.bad(name, expected))
    }

    /// A word of the command line as traitlets reads a text: home expanded, one pair of quotes dropped.
    fn word(&self, word: &str) -> String {
        let expanded = self.reader.variables.expand_home(word);
        for quote in ['"', '\''] {
            if let Some(inner) = expanded
                .strip_prefix(quote)
                .and_then(|rest| rest.strip_suffix(quote))
            {
                return inner.to_owned();
            }
        }
        expanded
    }
}

fn pair(word: &str) -> Option<(String, Value)> {
    let (key, value) = word.split_once('=')?;
    Some((key.to_owned(), Value::String(value.to_owned())))
}

/// The value for a message; what may be a secret is not repeated.
fn describe(raw: &Raw, name: &str) -> String {
    if ["token", "password", "secret"]
        .iter()
        .any(|secret| name.contains(secret))
    {
        return "what was given".to_owned();
    }
    match raw {
        Raw::Json(value) => format!("`{value}`"),
        Raw::Words(words) => format!("`{}`", words.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Source;
    use serde_json::json;
    use std::path::PathBuf;

    const CONTENTS: &[&str] = &["AsyncLargeFileManager", "FileContentsManager", "ContentsManager"];

    fn file(settings: &mut Settings, class: &str, name: &str, value: Value) {
        settings.set(
            class,
            name,
            Raw::Json(value),
            Source::File(PathBuf::from("/c/x.json")),
        );
    }

    fn words(settings: &mut Settings, class: &str, name: &str, words: &[&str]) {
        let raw = Raw::Words(words.iter().map(|word| word.to_string()).collect());
        settings.set(class, name, raw, Source::CommandLine(format!("--{class}.{name}")));
    }

    #[test]
    fn a_class_inherits_settings_and_the_most_derived_one_counts() {
        let mut settings = Settings::default();
        file(&mut settings, "ContentsManager", "untitled_file", json!("base"));
        file(
            &mut settings,
            "FileContentsManager",
            "untitled_file",
            json!("derived"),
        );
        file(&mut settings, "ContentsManager", "allow_hidden", json!(true));
        let variables = Variables::default();
        let reader = Reader::new(&settings, &variables);
        let contents = reader.class(CONTENTS);
        assert_eq!(
            contents.text("untitled_file").expect("text").as_deref(),
            Some("derived")
        );
        assert_eq!(contents.switch("allow_hidden").expect("switch"), Some(true));
        assert_eq!(contents.switch("always_delete_dir").expect("switch"), None);
    }

    #[test]
    fn the_command_line_wins_over_a_more_derived_class_in_a_file() {
        let mut settings = Settings::default();
        file(&mut settings, "FileContentsManager", "root_dir", json!("/file"));
        words(&mut settings, "ContentsManager", "root_dir", &["/line"]);
        let variables = Variables::default();
        let reader = Reader::new(&settings, &variables);
        assert_eq!(
            reader.class(CONTENTS).text("root_dir").expect("text").as_deref(),
            Some("/line")
        );
    }

    #[test]
    fn words_are_read_by_type() {
        let mut settings = Settings::default();
        words(&mut settings, "A", "number", &["1_0"]);
        words(&mut settings, "A", "switch", &["TRUE"]);
        words(&mut settings, "A", "list", &["a", "b"]);
        words(&mut settings, "A", "literal", &["['a', 'b']"]);
        words(&mut settings, "A", "map", &["a=1", "b=2"]);
        words(&mut settings, "A", "quoted", &["\"x\""]);
        let variables = Variables::default();
        let reader = Reader::new(&settings, &variables);
        let class = reader.class(&["A"]);
        assert_eq!(class.integer::<u16>("number").expect("number"), Some(10));
        assert_eq!(class.switch("switch").expect("switch"), Some(true));
        assert_eq!(
            class.list("list").expect("list"),
            Some(vec!["a".into(), "b".into()])
        );
        assert_eq!(
            class.list("literal").expect("list"),
            Some(vec!["a".into(), "b".into()])
        );
        assert_eq!(class.text("quoted").expect("text").as_deref(), Some("x"));
        assert_eq!(
            class.dictionary("map").expect("map").map(Value::Object),
            Some(json!({"a": "1", "b": "2"}))
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_place() {
        let mut settings = Settings::default();
        file(&mut settings, "ServerApp", "port", json!("abc"));
        words(&mut settings, "ServerApp", "ip", &["a", "b"]);
        words(&mut settings, "ServerApp", "port_retries", &["70000"]);
        let variables = Variables::default();
        let reader = Reader::new(&settings, &variables);
        let server = reader.class(&["ServerApp"]);
        let message = |error: BadSetting| error.to_string();
        assert_eq!(
            server.integer::<u16>("port").map_err(message),
            Err("ServerApp.port must be a whole number, not `\"abc\"` (in `/c/x.json`)".to_owned())
        );
        assert_eq!(
            server.text("ip").map_err(message),
            Err(
                "ServerApp.ip must be given once, not `a`, `b` (`--ServerApp.ip` on the command line)"
                    .to_owned()
            )
        );
        assert!(server.integer::<u16>("port_retries").is_err());
    }

    #[test]
    fn what_nobody_asked_for_is_left_over() {
        let mut settings = Settings::default();
        file(&mut settings, "ServerApp", "port", json!(1));
        file(&mut settings, "ServerApp", "prot", json!(1));
        let variables = Variables::default();
        let reader = Reader::new(&settings, &variables);
        reader.class(&["ServerApp"]).integer::<u16>("port").expect("port");
        assert_eq!(reader.unused(), ["ServerApp.prot"]);
    }
}
