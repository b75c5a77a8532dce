use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::FrontendsError;
use crate::static_files::is_plain;

/// `<package>:<plugin>`; as a path, `<package>/<plugin>` never leads out of the directory it is looked up in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PluginId {
    package: String,
    plugin: String,
}

impl FromStr for PluginId {
    type Err = FrontendsError;

    fn from_str(id: &str) -> Result<PluginId, FrontendsError> {
        let unknown = || FrontendsError::UnknownSchema { id: id.to_owned() };
        let (package, plugin) = id.split_once(':').ok_or_else(unknown)?;
        let good = !id.contains(['\0', '\\'])
            && !plugin.contains([':', '/'])
            && is_plain(Path::new(package))
            && is_plain(Path::new(plugin));
        good.then(|| PluginId {
            package: package.to_owned(),
            plugin: plugin.to_owned(),
        })
        .ok_or_else(unknown)
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.package, self.plugin)
    }
}

impl PluginId {
    /// The npm package it comes from, with scope.
    pub(super) fn package(&self) -> &str {
        &self.package
    }

    /// `<directory>/<package>/<plugin><extension>`.
    pub(super) fn file_in(&self, directory: &Path, extension: &str) -> PathBuf {
        directory
            .join(&self.package)
            .join(format!("{}{extension}", self.plugin))
    }
}

#[cfg(test)]
mod tests {
    use super::PluginId;

    #[test]
    fn ids_that_would_lead_elsewhere_are_no_ids() {
        let check = |id: &str, good: bool| assert_eq!(id.parse::<PluginId>().is_ok(), good, "{id}");
        check("@jupyterlab/apputils-extension:themes", true);
        check("plain:plugin", true);
        for bad in [
            "", ":", "a:", ":b", "a", "../a:b", "a:../b", "a:b/c", "/a:b", "a:b:c", "a\\b:c", "a:b\0",
        ] {
            check(bad, false);
        }
    }
}
