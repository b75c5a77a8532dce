//! The texts in settings schemas, in the user's language.

use regex::Regex;
use serde_json::{Map, Value};

use super::packs::LanguagePacks;

/// Separates context and text in the packs' keys, as in gettext.
const CONTEXT_END: char = '\u{4}';

/// Where a schema names its domain and further places of texts.
const INTERNATIONALIZATION: &str = "jupyter.lab.internationalization";

/// Which texts of a schema are translated, in which context.
const SELECTORS: [(&str, &str); 9] = [
    ("properties/.*/title", "settings"),
    ("properties/.*/description", "settings"),
    ("definitions/.*/properties/.*/title", "settings"),
    ("definitions/.*/properties/.*/description", "settings"),
    ("title", "schema"),
    ("description", "schema"),
    (r"jupyter\.lab\.setting-icon-label", "settings"),
    (r"jupyter\.lab\.menus/.*/label", "menu"),
    (r"jupyter\.lab\.toolbars/.*/label", "toolbar"),
];

/// Levels of a schema that are looked through.
const DEPTH_MAX: usize = 64;

/// Translates schemas with the installed language packs.
#[derive(Debug, Clone)]
pub(crate) struct SchemaTranslator {
    packs: LanguagePacks,
    system_locale: Option<String>,
}

impl SchemaTranslator {
    pub(crate) fn new(packs: LanguagePacks, system_locale: Option<String>) -> SchemaTranslator {
        SchemaTranslator { packs, system_locale }
    }

    /// The schema in `locale`, else in the system's; unchanged when there is no pack for it.
    pub(crate) fn translate(&self, mut schema: Value, locale: Option<&str>) -> Value {
        let Some(locale) = locale
            .or(self.system_locale.as_deref())
            .filter(|locale| !locale.starts_with("en"))
        else {
            return schema;
        };
        let about = schema.get(INTERNATIONALIZATION);
        let domain = about
            .and_then(|about| about.get("domain"))
            .and_then(Value::as_str)
            .unwrap_or("jupyterlab");
        let Some(texts) = self.packs.domain(locale, &domain.replace('-', "_")) else {
            return schema;
        };
        let places = places(about);
        translate(&mut schema, "", &places, &texts, DEPTH_MAX);
        schema
    }
}

/// The built-in selectors and those of the schema; one that is no pattern is skipped.
fn places(about: Option<&Value>) -> Vec<(Regex, &'static str)> {
    let own = crate::labextensions::strings(about.and_then(|about| about.get("selectors")));
    let own = own.iter().map(|selector| (selector.as_str(), "schema"));
    SELECTORS
        .into_iter()
        .chain(own)
        .filter_map(|(selector, context)| Some((Regex::new(&format!("^/(?:{selector})$")).ok()?, context)))
        .collect()
}

fn translate(
    value: &mut Value,
    path: &str,
    places: &[(Regex, &'static str)],
    texts: &Map<String, Value>,
    depth: usize,
) {
    if depth == 0 {
        return;
    }
    match value {
        Value::String(text) => {
            if let Some((_, context)) = places.iter().find(|(place, _)| place.is_match(path)) {
                let translated = texts.get(&format!("{context}{CONTEXT_END}{text}"));
                if let Some(translated) = translated.and_then(|forms| forms.get(0)).and_then(Value::as_str)
                    && !translated.is_empty()
                {
                    translated.clone_into(text);
                }
            }
        }
        Value::Object(object) => {
            for (key, value) in object {
                translate(value, &format!("{path}/{key}"), places, texts, depth - 1);
            }
        }
        Value::Array(list) => {
            for (index, element) in list
                .iter_mut()
                .enumerate()
                .filter(|(_, element)| element.is_object())
            {
                translate(element, &format!("{path}[{index}]"), places, texts, depth - 1);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
