//! Help → Licenses: what the front ends' builds say about the packages in them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

use crate::blocking::blocking;
use crate::discover::Installed;
use crate::json_files::read_object_or_warn;
use crate::{FrontendsError, labextensions};

/// Where a build puts its report.
const REPORTS: [&str; 2] = ["third-party-licenses.json", "static/third-party-licenses.json"];

/// A pattern of bundle names compiles to at most this many bytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LicenseFormat {
    /// `{"bundles": {<name>: {"packages": […]}}}`
    Json,
    /// One line a package.
    Csv,
    /// Headings and, when asked for, the licenses' texts.
    Markdown,
}

impl std::str::FromStr for LicenseFormat {
    type Err = FrontendsError;

    fn from_str(name: &str) -> Result<LicenseFormat, FrontendsError> {
        match name {
            "json" => Ok(LicenseFormat::Json),
            "csv" => Ok(LicenseFormat::Csv),
            "markdown" => Ok(LicenseFormat::Markdown),
            other => Err(FrontendsError::LicenseFormat {
                format: other.to_owned(),
            }),
        }
    }
}

impl LicenseFormat {
    /// For the `Content-Type` header.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            LicenseFormat::Json => "application/json",
            LicenseFormat::Csv => "text/csv; charset=utf-8",
            LicenseFormat::Markdown => "text/markdown; charset=utf-8",
        }
    }

    /// The name under which a report is downloaded.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            LicenseFormat::Json => "jupyterlab-licenses.json",
            LicenseFormat::Csv => "jupyterlab-licenses.csv",
            LicenseFormat::Markdown => "jupyterlab-licenses.md",
        }
    }
}

/// Reports of licenses; a cheap clone.
#[derive(Debug, Clone)]
pub struct Licenses {
    labextensions_path: Vec<PathBuf>,
    app_static: Option<PathBuf>,
}

impl Licenses {
    pub(crate) fn new(installed: &Installed, labextensions_path: Vec<PathBuf>) -> Licenses {
        let app_static = installed.app_dir.as_ref().map(|app_dir| app_dir.join("static"));
        Licenses {
            labextensions_path,
            app_static,
        }
    }

    /// The bundles whose name `pattern` (a regular expression) matches at its beginning.
    ///
    /// # Errors
    /// When `pattern` is no regular expression, or is too large.
    pub async fn report(
        &self,
        format: LicenseFormat,
        pattern: &str,
        full_text: bool,
    ) -> Result<String, FrontendsError> {
        let invalid = |error: regex::Error| FrontendsError::LicensePattern {
            reason: error.to_string(),
        };
        let pattern = RegexBuilder::new(&format!("^(?:{pattern})"))
            .size_limit(PATTERN_BYTES_MAX)
            .build();
        let (licenses, pattern) = (self.clone(), pattern.map_err(invalid)?);
        blocking(move || {
            let bundles = licenses.bundles(&pattern);
            Ok(match format {
                LicenseFormat::Json => format!("{:#}", json!({ "bundles": bundles })),
                LicenseFormat::Csv => csv(&bundles),
                LicenseFormat::Markdown => markdown(&bundles, full_text),
            })
        })
        .await
    }

    fn bundles(&self, pattern: &Regex) -> Map<String, Value> {
        let mut bundles = Map::new();
        for extension in labextensions::list(&self.labextensions_path) {
            if pattern.is_match(&extension.name) {
                bundles.insert(extension.name.clone(), bundle(&extension.directory));
            }
        }
        let package = self
            .app_static
            .as_ref()
            .and_then(|app| read_object_or_warn(&app.join("package.json")));
        let name = package
            .as_ref()
            .and_then(|package| package.get("name"))
            .and_then(Value::as_str);
        if let (Some(name), Some(app_static)) = (name.filter(|name| pattern.is_match(name)), &self.app_static)
        {
            bundles.insert(name.to_owned(), bundle(app_static));
        }
        bundles
    }
}

fn bundle(directory: &Path) -> Value {
    let reports = REPORTS
        .iter()
        .filter_map(|name| read_object_or_warn(&directory.join(name)));
    let packages = reports.filter_map(|mut report| match report.shift_remove("packages") {
        Some(Value::Array(packages)) => Some(packages),
        _ => None,
    });
    json!({ "packages": packages.flatten().collect::<Vec<_>>() })
}

/// (bundle, package) in order.
fn packages(bundles: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    bundles.iter().flat_map(|(name, bundle)| {
        let packages = bundle
            .get("packages")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        packages.map(move |package| (name.as_str(), package))
    })
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn csv(bundles: &Map<String, Value>) -> String {
    let mut report = "bundle,name,versionInfo,licenseId,extractedText\r\n".to_owned();
    for (bundle, package) in packages(bundles) {
        let fields = ["name", "versionInfo", "licenseId", "extractedText"].map(|key| text(package, key));
        let fields: Vec<String> = std::iter::once(bundle).chain(fields).map(csv_field).collect();
        report.push_str(&fields.join(","));
        report.push_str("\r\n");
    }
    report
}

fn csv_field(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn markdown(bundles: &Map<String, Value>, full_text: bool) -> String {
    let or_unknown = |text: &str| {
        if text.is_empty() {
            "UNKNOWN".to_owned()
        } else {
            text.trim().to_owned()
        }
    };
    let longest = packages(bundles)
        .map(|(_, package)| text(package, "name").chars().count())
        .max()
        .unwrap_or(1);
    let mut report = String::new();
    for (name, bundle) in bundles {
        let _ = writeln!(report, "# {name}\n"); // writing to a string cannot fail
        let packages = bundle
            .get("packages")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if packages.is_empty() {
            report.push_str("> No licenses found\n\n");
        }
        for package in packages {
            let name = format!("**{}**", or_unknown(text(package, "name")));
            let version = format!("`{}`", or_unknown(text(package, "versionInfo")));
            let license = or_unknown(text(package, "licenseId"));
            let _ = writeln!(report, "## {name:<longest$}\t{version:<20}\t{license}");
            match text(package, "extractedText") {
                _ if !full_text => {}
                "" => report.push_str("\n> No license text available\n\n"),
                license => {
                    let _ = writeln!(report, "\n\n<pre/>\n{license}\n</pre>\n");
                }
            }
        }
    }
    report
}
