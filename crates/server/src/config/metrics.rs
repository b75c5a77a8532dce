//! What is shown of what the server and its kernels use: the settings of jupyter-resource-usage.

use api::ResourceUseDisplay;

use super::classes::RESOURCE_USE_DISPLAY;
use crate::error::ServerError;
use crate::settings::reader::{Reader, Traits};
use crate::variables::Variables;

pub(super) fn read(
    reader: &Reader<'_>,
    variables: &Variables,
    warnings: &mut Vec<String>,
) -> Result<ResourceUseDisplay, ServerError> {
    let class = reader.class(RESOURCE_USE_DISPLAY);
    // There are no Prometheus metrics here.
    class.know("enable_prometheus_metrics");
    let usual = ResourceUseDisplay::default();
    let mem_limit = match class.integer("mem_limit")? {
        Some(limit) => limit,
        None => of_variable(variables, "MEM_LIMIT", warnings).unwrap_or(usual.mem_limit),
    };
    let cpu_limit = match not_negative(&class, "cpu_limit")? {
        Some(limit) => limit,
        None => of_variable(variables, "CPU_LIMIT", warnings)
            .filter(|limit: &f64| limit.is_finite() && *limit >= 0.0)
            .unwrap_or(usual.cpu_limit),
    };
    let disk_path = class.text("disk_path")?.map(|path| variables.absolute(&path));
    Ok(ResourceUseDisplay {
        mem_limit,
        mem_warning_threshold: not_negative(&class, "mem_warning_threshold")?
            .unwrap_or(usual.mem_warning_threshold),
        track_cpu_percent: class.switch("track_cpu_percent")?.unwrap_or(false),
        cpu_limit,
        cpu_warning_threshold: not_negative(&class, "cpu_warning_threshold")?
            .unwrap_or(usual.cpu_warning_threshold),
        track_disk_usage: class.switch("track_disk_usage")?.unwrap_or(false),
        disk_path: disk_path.unwrap_or_else(|| variables.home()),
        disk_warning_threshold: not_negative(&class, "disk_warning_threshold")?
            .unwrap_or(usual.disk_warning_threshold),
        show_host_usage: class.switch("show_host_usage")?.unwrap_or(true),
    })
}

fn not_negative(class: &Traits<'_>, name: &str) -> Result<Option<f64>, ServerError> {
    match class.number(name)? {
        Some(number) if !(number.is_finite() && number >= 0.0) => {
            Err(class.bad(name, "a number that is not negative").into())
        }
        number => Ok(number),
    }
}

/// What a variable says that JupyterHub sets. One that others set and mean otherwise stops nothing.
fn of_variable<T: std::str::FromStr>(
    variables: &Variables,
    name: &str,
    warnings: &mut Vec<String>,
) -> Option<T> {
    let text = variables.text(name)?;
    let number = text.trim().parse().ok();
    if number.is_none() {
        warnings.push(format!(
            "the variable {name} is no number and has no effect: {text}"
        ));
    }
    number
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::settings::{Raw, Settings, Source};

    fn display(
        variables: &[(&str, &str)],
        settings: &[(&str, serde_json::Value)],
    ) -> (Result<ResourceUseDisplay, String>, usize) {
        let mut given = Settings::default();
        for (name, value) in settings {
            let source = Source::File("/x.json".into());
            given.set("ResourceUseDisplay", name, Raw::Json(value.clone()), source);
        }
        let variables = Variables::from_pairs("/", variables.iter().copied());
        let mut warnings = Vec::new();
        let read = read(&Reader::new(&given, &variables), &variables, &mut warnings);
        (read.map_err(|error| error.to_string()), warnings.len())
    }

    #[test]
    fn limits_come_from_settings_before_variables() {
        let variables = [("MEM_LIMIT", "100"), ("CPU_LIMIT", "1.5"), ("HOME", "/h")];
        let (by_variable, _) = display(&variables, &[]);
        let by_variable = by_variable.unwrap();
        assert_eq!((by_variable.mem_limit, by_variable.cpu_limit), (100, 1.5));
        assert_eq!(by_variable.disk_path, PathBuf::from("/h"));
        let (by_setting, _) = display(&variables, &[("mem_limit", 7.into()), ("cpu_limit", 2.into())]);
        let by_setting = by_setting.unwrap();
        assert_eq!((by_setting.mem_limit, by_setting.cpu_limit), (7, 2.0));
    }

    #[test]
    fn what_is_no_number_is_refused_in_settings_and_said_of_variables() {
        assert!(display(&[], &[("mem_limit", "2G".into())]).0.is_err());
        assert!(display(&[], &[("mem_limit", (-1).into())]).0.is_err());
        assert!(display(&[], &[("cpu_limit", (-1).into())]).0.is_err());
        assert!(
            display(&[], &[("mem_warning_threshold", (-0.5).into())])
                .0
                .is_err()
        );
        let (display, warned) = display(&[("MEM_LIMIT", "much"), ("CPU_LIMIT", "2")], &[]);
        assert_eq!((display.unwrap().mem_limit, warned), (0, 1));
    }
}
