//! Kernels: Jupyter's settings and search path into what the crate `kernels` wants.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kernels::{
    CPU_TIME_MAX, Culling, KernelsConfig, LEAST_MEMORY_BYTES, MEMORY_BYTES_MAX, NativeKernel, PROCESSES_MAX,
    ResourceLimits, Spared, Transport, bytes_of,
};

use super::classes::{ADRASTEA, KERNEL, KERNELS, KERNELSPECS, RESTARTER, SERVER};
use crate::error::ServerError;
use crate::paths::JupyterPaths;
use crate::python::PythonEnvironment;
use crate::settings::reader::{Reader, Traits};
use crate::variables::Variables;

/// A wait in seconds is no longer than this: a larger number is a slip, and would overflow a clock.
pub(super) const SECONDS_MAX: f64 = 365.0 * 24.0 * 3600.0;

/// Variables that are the server's own business and must not reach kernels (its secrets above all).
const WITHHELD: &[&str] = &["JUPYTER_TOKEN", "JUPYTER_TOKEN_FILE", crate::succession::VARIABLE];

pub(super) fn read(
    reader: &Reader<'_>,
    variables: &Variables,
    paths: &JupyterPaths,
    environments: &[PythonEnvironment],
    root_dir: &Path,
    warnings: &mut Vec<String>,
) -> Result<KernelsConfig, ServerError> {
    let kernels = reader.class(KERNELS);
    let kernel = reader.class(KERNEL);
    let kernelspecs = reader.class(KERNELSPECS);
    let restarter = reader.class(RESTARTER);
    let own = reader.class(ADRASTEA);

    let root_dir = match kernels.text("root_dir")?.filter(|root| !root.is_empty()) {
        Some(root) => variables.absolute(&root),
        None => root_dir.to_owned(),
    };
    let mut config = KernelsConfig::new(root_dir, paths.runtime_dir.clone());
    config.kernelspec_dirs = paths
        .data
        .iter()
        .map(|directory| directory.join("kernels"))
        .collect();
    // IPython's own directory, for old kernels, as the reference.
    let ipython = variables
        .path("IPYTHONDIR")
        .unwrap_or_else(|| variables.home().join(".ipython"));
    config.kernelspec_dirs.push(ipython.join("kernels"));
    config.allowed_kernelspecs = match kernelspecs.list("allowed_kernelspecs")? {
        Some(allowed) => allowed,
        None => kernelspecs.list("whitelist")?.unwrap_or_default(),
    };
    if kernelspecs.switch("ensure_native_kernel")?.unwrap_or(true) {
        config.native_kernel = native_kernel(environments);
    }
    if let Some(environment) = environments.first() {
        config.prefix.clone_from(&environment.prefix);
    }
    config.environment = environment(variables);
    if let Some(name) = kernels.text("default_kernel_name")? {
        config.default_kernel_name = name;
    }
    set_seconds(&kernels, "kernel_info_timeout", &mut config.kernel_info_timeout)?;
    set_seconds(&kernel, "shutdown_wait_time", &mut config.shutdown_wait)?;
    if kernels.switch("use_pending_kernels")?.unwrap_or(false) {
        config.early_death_window = Duration::ZERO;
    }
    set_seconds(&own, "early_death_window", &mut config.early_death_window)?;
    set_seconds(&own, "orphan_timeout", &mut config.orphan_timeout)?;
    if own.switch("kernel_host_process")?.unwrap_or(true) {
        config.host_program = Some(own_program());
    }
    set_seconds(&restarter, "stable_start_time", &mut config.stable_start_time)?;
    set_seconds(&restarter, "time_to_dead", &mut config.restart_wait_max)?;
    if let Some(autorestart) = kernel.switch("autorestart")? {
        config.autorestart = autorestart;
    }
    if let Some(limit) = restarter.integer("restart_limit")? {
        config.restart_limit = limit;
    }
    let server = reader.class(SERVER);
    let external_dir = server.text("external_connection_dir")?;
    if server.switch("allow_external_kernels")?.unwrap_or(false) {
        let usual = || paths.runtime_dir.join("external_kernels");
        config.external_dir = Some(external_dir.map_or_else(usual, |dir| variables.absolute(&dir)));
    }
    if let Some(untracked) = kernels.list("untracked_message_types")? {
        config.untracked_message_types = untracked;
    }
    // Output is always kept.
    kernels.know("buffer_offline_messages");
    config.culling = culling(&kernels, warnings)?;
    config.resource_limits = resource_limits(&own)?;
    if let Some(ip) = kernel.text("ip")?.filter(|ip| !ip.is_empty()) {
        let ip = match ip.as_str() {
            "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            address => address.parse(),
        };
        let ip = ip.map_err(|_| kernel.bad("ip", "an IP address of this machine"))?;
        config.transport = Transport::Tcp { ip };
    }
    // Ports are always reserved, cached or not.
    kernel.know("cache_ports");
    refuse_encryption(&[&kernels, &kernel])?;
    if let Some(transport) = kernel.text("transport")? {
        config.transport = match transport.to_lowercase().as_str() {
            "tcp" => config.transport,
            "ipc" => Transport::Ipc {
                dir: Transport::ipc_below(&paths.runtime_dir),
            },
            _ => return Err(kernel.bad("transport", "`tcp` or `ipc`").into()),
        };
    }
    Ok(config)
}

/// Kernels are talked to in the clear, on this machine alone. To do so where somebody asked for encryption would not be
/// what they asked for; `auto` leaves it to us.
fn refuse_encryption(classes: &[&Traits<'_>]) -> Result<(), ServerError> {
    const NAME: &str = "transport_encryption";
    for class in classes {
        match class.text(NAME)?.map(|policy| policy.to_lowercase()).as_deref() {
            None | Some("disabled" | "auto") => {}
            Some("required") => {
                return Err(class
                    .bad(NAME, "`disabled` or `auto`: messages are not encrypted here")
                    .into());
            }
            Some(_) => return Err(class.bad(NAME, "`disabled` or `auto`").into()),
        }
    }
    Ok(())
}

/// What a kernel may use; 0 is no limit.
fn resource_limits(own: &Traits<'_>) -> Result<ResourceLimits, ServerError> {
    let memory_bytes = match own.text_or_number(MEMORY_BYTES_MAX)? {
        None => None,
        Some(text) => match bytes_of(&text) {
            Some(0) => None,
            Some(bytes) if bytes >= LEAST_MEMORY_BYTES => Some(bytes),
            Some(_) | None => {
                let expected = "bytes, as `2147483648` or `2G`, at least 16M: with less no kernel starts; 0 for no limit";
                return Err(own.bad(MEMORY_BYTES_MAX, expected).into());
            }
        },
    };
    let mut cpu_time = Duration::ZERO;
    set_seconds(own, CPU_TIME_MAX, &mut cpu_time)?;
    let processes: u64 = own.integer(PROCESSES_MAX)?.unwrap_or(0);
    Ok(ResourceLimits {
        memory_bytes,
        cpu_time: (!cpu_time.is_zero()).then_some(cpu_time),
        processes: (processes > 0).then_some(processes),
    })
}

/// How many kernels one user may have; `None` for any number.
pub(super) fn per_user_max(reader: &Reader<'_>) -> Result<Option<usize>, ServerError> {
    let most: Option<usize> = reader.class(ADRASTEA).integer("kernels_per_user_max")?;
    Ok(most.filter(|most| *most > 0))
}

/// How often kernels that may be idle are looked at (`cull_interval`), in seconds.
const CULL_INTERVAL_S: i64 = 300;

/// Which idle kernels are ended. An idle time that is not above 0 ends none, an interval that is not means the usual
/// one, as in the reference.
fn culling(kernels: &Traits<'_>, warnings: &mut Vec<String>) -> Result<Option<Culling>, ServerError> {
    let seconds = |name: &str| -> Result<Option<i64>, ServerError> {
        let seconds: Option<i64> = kernels.integer(name)?;
        // As `SECONDS_MAX`.
        match seconds {
            Some(too_many) if too_many > 365 * 24 * 3600 => {
                Err(kernels.bad(name, "a number of seconds up to a year").into())
            }
            seconds => Ok(seconds),
        }
    };
    let idle_timeout = seconds("cull_idle_timeout")?.unwrap_or(0);
    let mut interval = seconds("cull_interval")?.unwrap_or(CULL_INTERVAL_S);
    let spared = Spared {
        connected: !kernels.switch("cull_connected")?.unwrap_or(false),
        busy: !kernels.switch("cull_busy")?.unwrap_or(false),
    };
    if interval <= 0 {
        warnings.push(format!(
            "MappingKernelManager.cull_interval is {interval}; kernels are looked at every {CULL_INTERVAL_S} seconds"
        ));
        interval = CULL_INTERVAL_S;
    }
    Ok((idle_timeout > 0).then(|| Culling {
        idle_timeout: Duration::from_secs(idle_timeout.unsigned_abs()),
        interval: Duration::from_secs(interval.unsigned_abs()),
        spared,
    }))
}

/// This very program, also when its file was replaced by a newer one meanwhile.
fn own_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    // Where the system does not know, the search path does.
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("adrastea"))
}

/// The first interpreter at hand that has ipykernel.
fn native_kernel(environments: &[PythonEnvironment]) -> Option<NativeKernel> {
    environments.iter().find_map(|environment| {
        let package = environment.package("ipykernel")?;
        let resources = package.join("resources");
        Some(NativeKernel {
            python: environment.interpreter.clone(),
            resource_dir: resources.is_dir().then_some(resources),
        })
    })
}

fn environment(variables: &Variables) -> Vec<(OsString, OsString)> {
    let kept = variables
        .iter()
        .filter(|(name, _)| !WITHHELD.iter().any(|withheld| name == withheld));
    kept.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn set_seconds(traits: &Traits<'_>, name: &str, duration: &mut Duration) -> Result<(), ServerError> {
    let Some(seconds) = traits.number(name)? else {
        return Ok(());
    };
    if !(0.0..=SECONDS_MAX).contains(&seconds) {
        return Err(traits.bad(name, "a number of seconds from 0 to a year").into());
    }
    *duration = Duration::from_secs_f64(seconds);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Raw, Settings, Source};

    fn with<T>(name: &str, value: serde_json::Value, read: impl FnOnce(&Traits<'_>) -> T) -> T {
        let mut settings = Settings::default();
        let source = Source::File("/x.json".into());
        settings.set("MappingKernelManager", name, Raw::Json(value), source);
        let variables = Variables::default();
        let reader = Reader::new(&settings, &variables);
        read(&reader.class(KERNELS))
    }

    #[test]
    fn encryption_that_is_required_is_refused() {
        let check = |policy: &str, is_fine: bool| {
            let read = |kernels: &Traits<'_>| refuse_encryption(&[kernels]).is_ok();
            assert_eq!(
                with("transport_encryption", policy.into(), read),
                is_fine,
                "{policy}"
            );
        };
        check("disabled", true);
        check("Auto", true);
        check("required", false);
        check("rot13", false);
    }

    fn limits(name: &str, value: serde_json::Value) -> Result<ResourceLimits, String> {
        let mut settings = Settings::default();
        let source = Source::File("/x.json".into());
        settings.set("Adrastea", name, Raw::Json(value), source);
        let variables = Variables::default();
        let reader = Reader::new(&settings, &variables);
        resource_limits(&reader.class(ADRASTEA)).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_are_read_and_what_is_none_is_refused_with_a_sentence() {
        let memory =
            |value: serde_json::Value| limits(MEMORY_BYTES_MAX, value).map(|limits| limits.memory_bytes);
        assert_eq!(memory("2G".into()), Ok(Some(2 << 30)));
        assert_eq!(memory(2_147_483_648_u64.into()), Ok(Some(2 << 30)));
        assert_eq!(memory(0.into()), Ok(None));
        for bad in [serde_json::json!(2), "2".into(), "lots".into(), (-1).into()] {
            let said = memory(bad).unwrap_err();
            assert!(
                said.contains("Adrastea.kernel_memory_bytes_max must be bytes"),
                "{said}"
            );
        }
        let cpu_time = |value: f64| limits(CPU_TIME_MAX, value.into()).map(|limits| limits.cpu_time);
        assert_eq!(cpu_time(1.5), Ok(Some(Duration::from_millis(1_500))));
        assert_eq!(cpu_time(0.0), Ok(None));
        assert!(cpu_time(-1.0).is_err());
        let processes = |value: i64| limits(PROCESSES_MAX, value.into()).map(|limits| limits.processes);
        assert_eq!(processes(100), Ok(Some(100)));
        assert_eq!(processes(0), Ok(None));
        assert!(processes(-1).is_err());
    }

    #[test]
    fn kernels_are_culled_only_when_they_may_be_idle_for_a_time() {
        let culled = |name: &str, value: i64| {
            let mut warnings = Vec::new();
            let read = with(name, value.into(), |kernels| culling(kernels, &mut warnings));
            let culled = read
                .map(|culling| culling.is_some())
                .map_err(|error| error.to_string());
            (culled, warnings.len())
        };
        assert_eq!(culled("cull_idle_timeout", 0), (Ok(false), 0));
        assert_eq!(culled("cull_idle_timeout", -1), (Ok(false), 0));
        assert_eq!(culled("cull_idle_timeout", 1), (Ok(true), 0));
        assert_eq!(culled("cull_interval", 0), (Ok(false), 1));
        assert!(culled("cull_idle_timeout", i64::MAX).0.is_err());
    }
}
