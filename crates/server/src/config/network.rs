//! Where to listen and what to call it.

use std::net::{IpAddr, ToSocketAddrs};

use super::classes::SERVER;
use crate::error::ServerError;
use crate::listen::Address;
use crate::settings::literal;
use crate::settings::reader::{Reader, Traits};
use crate::variables::Variables;

/// The reference's port.
const PORT: u16 = 8888;
/// How many other ports it tries.
const PORT_RETRIES: usize = 50;

/// Where to listen, and how a user reaches it.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// Where to listen.
    pub address: Address,
    /// Takes the place of the address in the URL that is shown (`custom_display_url`).
    pub custom_display_url: Option<String>,
    /// Whether the `Host` header may name another machine than this one.
    pub allow_remote_access: bool,
    /// Names that count as this machine.
    pub local_hostnames: Vec<String>,
}

impl NetworkConfig {
    pub(super) fn read(reader: &Reader<'_>, variables: &Variables) -> Result<Self, ServerError> {
        let server = reader.class(SERVER);
        for (name, what) in [
            ("certfile", "TLS"),
            ("keyfile", "TLS"),
            ("client_ca", "TLS client certificates"),
        ] {
            if server.text(name)?.is_some_and(|file| !file.is_empty()) {
                return Err(ServerError::Unsupported {
                    message: format!(
                        "ServerApp.{name} asks for {what}, which is not there yet; put a proxy that speaks it in front"
                    ),
                });
            }
        }
        let ip = match server.text("ip")?.unwrap_or_else(|| "localhost".to_owned()) {
            all if all == "*" => String::new(),
            ip => ip,
        };
        let address = match server.text("sock")?.filter(|path| !path.is_empty()) {
            Some(path) => unix(&server, variables, &path)?,
            None => Address::Tcp {
                ip: ip.clone(),
                port: port(&server, variables)?,
                retries: retries(&server, variables)?,
            },
        };
        let allow_remote_access = match server.switch("allow_remote_access")? {
            Some(given) => given,
            None => matches!(address, Address::Tcp { .. }) && !is_loopback(&ip),
        };
        Ok(Self {
            address,
            custom_display_url: server.text("custom_display_url")?.filter(|url| !url.is_empty()),
            allow_remote_access,
            local_hostnames: server
                .list("local_hostnames")?
                .unwrap_or_else(|| vec!["localhost".to_owned()]),
        })
    }
}

fn port(server: &Traits<'_>, variables: &Variables) -> Result<u16, ServerError> {
    if let Some(port) = server.integer("port")? {
        return Ok(port);
    }
    from_variable(variables, "JUPYTER_PORT").map(|port| port.unwrap_or(PORT))
}

fn retries(server: &Traits<'_>, variables: &Variables) -> Result<usize, ServerError> {
    if let Some(retries) = server.integer("port_retries")? {
        return Ok(retries);
    }
    from_variable(variables, "JUPYTER_PORT_RETRIES").map(|retries| retries.unwrap_or(PORT_RETRIES))
}

fn from_variable<T: TryFrom<i64>>(variables: &Variables, name: &str) -> Result<Option<T>, ServerError> {
    let Some(text) = variables.text(name) else {
        return Ok(None);
    };
    match literal::integer(&text).and_then(|number| T::try_from(number).ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(ServerError::Unsupported {
            message: format!(
                "the environment variable {name} must be a whole number in its range, not `{text}`"
            ),
        }),
    }
}

fn unix(server: &Traits<'_>, variables: &Variables, path: &str) -> Result<Address, ServerError> {
    let port: Option<u16> = server.integer("port")?;
    if port.is_some_and(|port| port != PORT) {
        return Err(ServerError::Unsupported {
            message: "--port and --sock exclude each other".to_owned(),
        });
    }
    let text = server.text("sock_mode")?.unwrap_or_else(|| "0600".to_owned());
    let digits = text.strip_prefix("0o").unwrap_or(&text);
    let Ok(mode) = u32::from_str_radix(digits, 8) else {
        return Err(server.bad("sock_mode", "octal digits, e.g. `0600`").into());
    };
    if mode & 0o600 != 0o600 || mode > 0o7777 {
        return Err(server.bad("sock_mode", "at least u+rw, `0600`").into());
    }
    Ok(Address::Unix {
        path: variables.absolute(path),
        mode,
    })
}

/// Whether only this machine can reach the address. A name is loopback when all its addresses are.
fn is_loopback(ip: &str) -> bool {
    if ip.is_empty() {
        return false;
    }
    if ip == "localhost" {
        return true;
    }
    match ip.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        // One that has no address cannot be listened on either: that error is the clearer one.
        Err(_) => (ip, 0)
            .to_socket_addrs()
            .is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::command_line;

    fn read(arguments: &[&str], pairs: &[(&str, &str)]) -> Result<NetworkConfig, String> {
        let arguments: Vec<String> = arguments.iter().map(|it| it.to_string()).collect();
        let line = command_line::parse(&arguments).expect("a command line");
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        let variables = Variables::from_pairs("/w", pairs);
        let reader = Reader::new(&line.settings, &variables);
        NetworkConfig::read(&reader, &variables).map_err(|error| error.to_string())
    }

    fn tcp(ip: &str, port: u16, retries: usize) -> Address {
        Address::Tcp {
            ip: ip.to_owned(),
            port,
            retries,
        }
    }

    #[test]
    fn defaults_and_variables_are_the_references() {
        let check = |arguments: &[&str], pairs: &[(&str, &str)], expected| {
            assert_eq!(read(arguments, pairs).map(|it| it.address), Ok(expected));
        };
        check(&[], &[], tcp("localhost", 8888, 50));
        check(
            &[],
            &[("JUPYTER_PORT", "9"), ("JUPYTER_PORT_RETRIES", "0")],
            tcp("localhost", 9, 0),
        );
        check(&["--port=1"], &[("JUPYTER_PORT", "9")], tcp("localhost", 1, 50));
        check(&["--ip=*"], &[], tcp("", 8888, 50));
        check(
            &["--sock=s.sock", "--sock-mode=0660"],
            &[],
            Address::Unix {
                path: "/w/s.sock".into(),
                mode: 0o660,
            },
        );
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let check = |arguments: &[&str], part: &str| {
            let error = read(arguments, &[]).expect_err("refused");
            assert!(error.contains(part), "{error}");
        };
        check(&["--port=70000"], "ServerApp.port must be a number in its range");
        check(&["--sock=s", "--sock-mode=rw"], "octal digits");
        check(&["--sock=s", "--sock-mode=0400"], "at least u+rw");
        check(&["--sock=s", "--port=9999"], "exclude each other");
        check(&["--certfile=c.pem"], "asks for TLS");
        assert!(
            read(&[], &[("JUPYTER_PORT", "x")])
                .expect_err("refused")
                .contains("JUPYTER_PORT")
        );
    }

    #[test]
    fn remote_access_is_only_allowed_where_remote_clients_can_come_from() {
        let check = |arguments: &[&str], expected| {
            assert_eq!(
                read(arguments, &[]).map(|it| it.allow_remote_access),
                Ok(expected),
                "{arguments:?}"
            );
        };
        check(&[], false);
        check(&["--ip=127.0.0.1"], false);
        check(&["--ip=::1"], false);
        check(&["--ip=0.0.0.0"], true);
        check(&["--ip=*"], true);
        check(&["--ip=*", "--ServerApp.allow_remote_access=False"], false);
    }
}
