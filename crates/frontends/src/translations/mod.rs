//! Language packs: Python packages that hold JupyterLab's texts in another language.

mod display_names;
mod packs;
mod schema;

use serde_json::{Map, Value, json};

use crate::FrontendsError;
use crate::blocking::blocking;
pub(crate) use packs::LanguagePacks;
pub(crate) use schema::SchemaTranslator;

/// The language of the front ends' own texts.
const DEFAULT_LOCALE: &str = "en";

/// A language without territory or with one: `fr`, `fr_FR`; and the pseudo-language `ach_UG`.
const LOCALE_CHARACTERS_MAX: usize = 32;

/// What the front ends ask about languages; a cheap clone.
#[derive(Debug, Clone)]
pub struct Translations {
    packs: LanguagePacks,
    system_locale: String,
}

impl Translations {
    pub(crate) fn new(packs: LanguagePacks, system_locale: Option<String>) -> Translations {
        let system_locale = system_locale.unwrap_or_else(|| DEFAULT_LOCALE.to_owned());
        Translations { packs, system_locale }
    }

    /// The languages there are: `{"data": {<locale>: {displayName, nativeName}}, "message": ""}`.
    ///
    /// # Errors
    /// Only when the server stops.
    pub async fn list(&self) -> Result<Value, FrontendsError> {
        let packs = self.packs.clone();
        blocking(move || {
            let mut data = Map::new();
            for locale in std::iter::once(DEFAULT_LOCALE.to_owned()).chain(packs.locales()) {
                let (display_name, native_name) = display_names::of(&locale);
                let names = json!({ "displayName": display_name, "nativeName": native_name });
                data.insert(locale, names);
            }
            Ok(json!({ "data": data, "message": "" }))
        })
        .await
    }

    /// The texts of a language by domain. `default` and the empty name are the system's.
    /// One that is not installed is no error: `data` is empty and `message` says so.
    ///
    /// # Errors
    /// Only when the server stops.
    pub async fn get(&self, locale: &str) -> Result<Value, FrontendsError> {
        let translations = self.clone();
        let locale = if locale.is_empty() || locale == "default" {
            self.system_locale.clone()
        } else {
            locale.to_owned()
        };
        blocking(move || {
            let data = translations.packs.texts(&locale);
            let message = match (&data, is_locale(&locale)) {
                (Some(_), _) => String::new(),
                (None, true) => format!("Language pack '{locale}' not installed!"),
                (None, false) => format!("Language pack '{locale}' not valid!"),
            };
            Ok(json!({ "data": data.unwrap_or_default(), "message": message }))
        })
        .await
    }
}

/// `fr`, `fr_FR`, `zh_Hans_CN`.
fn is_locale(name: &str) -> bool {
    let mut parts = name.split('_');
    let language = parts.next().unwrap_or_default();
    name.len() <= LOCALE_CHARACTERS_MAX
        && (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
