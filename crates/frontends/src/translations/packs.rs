use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::discover::Packages;
use crate::json_files::{read_object_or_warn, read_text, sorted_files};
use crate::labextensions::subdirectories;

/// Entry points by which packages say that they hold translations.
const LANGUAGE_PACKS: &str = "jupyterlab.languagepack";
const PACKAGES_WITH_TRANSLATIONS: &str = "jupyterlab.locale";

/// Installed language packs. They are looked up whenever they are asked for: installing one needs no restart.
#[derive(Debug, Clone)]
pub(crate) struct LanguagePacks {
    packages: Packages,
}

impl LanguagePacks {
    pub(crate) fn new(packages: Packages) -> LanguagePacks {
        LanguagePacks { packages }
    }

    /// Locales of the installed packs.
    pub(super) fn locales(&self) -> Vec<String> {
        self.entry_points(LANGUAGE_PACKS).into_keys().collect()
    }

    /// All texts in a locale by domain; `None` when there is no pack for it.
    pub(super) fn texts(&self, locale: &str) -> Option<Map<String, Value>> {
        let packs = self.entry_points(LANGUAGE_PACKS);
        let mut texts = Map::new();
        add_texts_below(packs.get(locale)?, &mut texts);
        for (domain, package) in self.entry_points(PACKAGES_WITH_TRANSLATIONS) {
            let Some(own) = own_texts(&package, locale, &domain) else {
                continue;
            };
            match texts.get_mut(&domain) {
                Some(Value::Object(pack)) if is_newer(&own, pack) => pack.extend(own),
                Some(_) => {}
                None => {
                    texts.insert(domain, Value::Object(own));
                }
            }
        }
        Some(texts)
    }

    /// Texts of one domain, for schemas.
    pub(super) fn domain(&self, locale: &str, domain: &str) -> Option<Map<String, Value>> {
        let pack = self.entry_points(LANGUAGE_PACKS).remove(locale)?;
        own_texts(&pack, locale, domain)
    }

    /// Name → package directory of one group in all `entry_points.txt`.
    fn entry_points(&self, group: &str) -> BTreeMap<String, PathBuf> {
        let mut found = BTreeMap::new();
        for file in self.packages.entry_point_files() {
            let Ok(Some(text)) = read_text(&file) else {
                continue;
            };
            for (name, module) in in_group(&text, group) {
                if let Some(directory) = self.packages.module(module) {
                    found.entry(name.to_owned()).or_insert(directory);
                }
            }
        }
        found
    }
}

/// `name = module:attribute [extras]` lines below `[group]`.
fn in_group<'a>(text: &'a str, group: &str) -> Vec<(&'a str, &'a str)> {
    let mut inside = false;
    let mut entries = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            inside = header.trim_end_matches(']').trim() == group;
        } else if inside && let Some((name, value)) = line.split_once('=') {
            let module = value.trim().split([':', ' ', '[']).next().unwrap_or_default();
            entries.push((name.trim(), module));
        }
    }
    entries
}

/// Every `*.json` below a pack: `locale/fr_FR/LC_MESSAGES/jupyterlab.json` is the domain `jupyterlab`.
fn add_texts_below(directory: &Path, texts: &mut Map<String, Value>) {
    for below in subdirectories(directory) {
        add_texts_below(&below, texts);
    }
    for file in sorted_files(directory, &["json"]) {
        if let (Some(domain), Some(content)) = (file.file_stem(), read_object_or_warn(&file)) {
            texts.insert(domain.to_string_lossy().into_owned(), Value::Object(content));
        }
    }
}

/// `<package>/locale/<locale>/LC_MESSAGES/<domain>.json`; the locale's case does not matter.
fn own_texts(package: &Path, locale: &str, domain: &str) -> Option<Map<String, Value>> {
    let locales = subdirectories(&package.join("locale"));
    let directory = locales.into_iter().find(|directory| {
        directory
            .file_name()
            .is_some_and(|name| name.to_string_lossy().eq_ignore_ascii_case(locale))
    })?;
    let name = format!("{domain}.json");
    let file = crate::static_files::find(&[directory.join("LC_MESSAGES")], &name)?;
    read_object_or_warn(&file)
}

/// Whether the package's own texts were made for a later version than the pack's.
fn is_newer(own: &Map<String, Value>, pack: &Map<String, Value>) -> bool {
    let about = |texts: &Map<String, Value>, key: &str| {
        texts
            .get("")
            .and_then(|about| about.get(key))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let same_domain = about(own, "domain").is_some() && about(own, "domain") == about(pack, "domain");
    match (about(own, "version"), about(pack, "version")) {
        (Some(own), Some(pack)) => same_domain && numbers(&own) > numbers(&pack),
        _ => false,
    }
}

fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['.', 'a', 'b', 'r'])
        .map_while(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::in_group;

    #[test]
    fn entry_points_are_read_by_group() {
        let text = "[console_scripts]\nx = a:b\n\n[jupyterlab.languagepack]\nfr_FR = jupyterlab_language_pack_fr_FR\n  de_DE=pack.de:x [all]\n[other]\ny = z\n";
        let expected = [("fr_FR", "jupyterlab_language_pack_fr_FR"), ("de_DE", "pack.de")];
        assert_eq!(in_group(text, "jupyterlab.languagepack"), expected);
    }
}
