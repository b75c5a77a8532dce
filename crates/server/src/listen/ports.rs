//! Finding a port: the one asked for, the next four, then others nearby, as the reference does.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use tokio::net::{TcpListener, TcpSocket};
use tracing::{info, warn};

use crate::error::ServerError;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// How many ports directly after the one asked for are tried before random ones.
const SEQUENTIAL: usize = 5;

/// Binds all addresses of `ip` on the first port that is free on all of them.
pub(super) fn bind(ip: &str, port: u16, retries: usize) -> Result<Vec<TcpListener>, ServerError> {
    let addresses = resolve(ip)?;
    let candidates = candidates(port, retries.saturating_add(1), random);
    let tried = candidates.len();
    for candidate in candidates {
        match bind_all(&addresses, candidate) {
            Ok(listeners) => return Ok(listeners),
            Err((_, error)) if error.kind() == io::ErrorKind::AddrInUse => match retries {
                0 => info!("port {candidate} is already in use"),
                _ => info!("port {candidate} is already in use, trying another port"),
            },
            Err((_, error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                warn!("permission to listen on port {candidate} denied");
            }
            Err((address, source)) => return Err(ServerError::Listen { address, source }),
        }
    }
    Err(ServerError::NoPort { first: port, tried })
}

/// The addresses of a name; an empty one is every address of the machine.
fn resolve(ip: &str) -> Result<Vec<SocketAddr>, ServerError> {
    if ip.is_empty() {
        return Ok(vec![
            SocketAddr::from(([0, 0, 0, 0], 0)),
            SocketAddr::from(([0u16; 8], 0)),
        ]);
    }
    let failed = |source| ServerError::Resolve {
        ip: ip.to_owned(),
        source,
    };
    let mut addresses: Vec<SocketAddr> = (ip, 0).to_socket_addrs().map_err(failed)?.collect();
    // IPv4 first, so that port 0 is chosen on the address that is printed.
    addresses.sort();
    addresses.dedup();
    match addresses.is_empty() {
        true => Err(failed(io::ErrorKind::NotFound.into())),
        false => Ok(addresses),
    }
}

/// Binds every address on one port. A machine without IPv6 has `::1` in its hosts file all the same: an address that
/// does not exist is left out as long as another one works.
fn bind_all(addresses: &[SocketAddr], port: u16) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut port = port;
    let mut missing = None;
    for address in addresses {
        let mut address = *address;
        address.set_port(port);
        match bind_one(address) {
            Ok(listener) => {
                port = listener.local_addr().map_or(port, |bound| bound.port());
                listeners.push(listener);
            }
            Err(error) if is_absent(&error) => missing = Some((address, error)),
            Err(error) => return Err((address, error)),
        }
    }
    match (listeners.is_empty(), missing) {
        (true, Some(missing)) => Err(missing),
        _ => Ok(listeners),
    }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => {
            let socket = TcpSocket::new_v6()?;
            // Else the IPv6 wildcard takes the IPv4 one with it, and the second bind fails.
            rustix::net::sockopt::set_ipv6_v6only(&socket, true)?;
            socket
        }
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_absent(error: &io::Error) -> bool {
    let unsupported = Some(nix::errno::Errno::EAFNOSUPPORT as i32);
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == unsupported
}

/// `count` ports: a few in sequence, the others at random nearby.
fn candidates(port: u16, count: usize, mut random: impl FnMut(i64, i64) -> i64) -> Vec<u16> {
    let spread = 2 * i64::try_from(count)
        .unwrap_or(i64::MAX / 4)
        .min(i64::from(u16::MAX));
    let port = i64::from(port);
    let sequence = (0..).take(count.min(SEQUENTIAL)).map(|offset| port + offset);
    let nearby = (SEQUENTIAL..count).map(|_| (port + random(-spread, spread)).max(1));
    sequence
        .chain(nearby)
        .filter_map(|candidate| u16::try_from(candidate).ok())
        .collect()
}

/// A number from `low` to `high`; the middle when the system has no randomness to give.
fn random(low: i64, high: i64) -> i64 {
    let width = high.saturating_sub(low).saturating_add(1).max(1);
    getrandom::u32().map_or(0, |number| low + i64::from(number) % width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_ports_are_tried_and_then_others_nearby() {
        assert_eq!(candidates(8888, 1, |_, _| 0), [8888]);
        assert_eq!(
            candidates(8888, 7, |low, _| low),
            [8888, 8889, 8890, 8891, 8892, 8874, 8874]
        );
        assert_eq!(candidates(65534, 5, |_, _| 0), [65534, 65535]);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over() {
        let taken = bind("127.0.0.1", 0, 0).expect("a port");
        let port = taken[0].local_addr().expect("address").port();
        let refused = bind("127.0.0.1", port, 0).expect_err("taken");
        assert_eq!(refused.to_string(), format!("port {port} is not available"));
        let other = bind("127.0.0.1", port, 50).expect("another");
        assert_ne!(other[0].local_addr().expect("address").port(), port);
    }

    #[tokio::test]
    async fn all_addresses_of_a_name_share_one_port() {
        let listeners = bind("localhost", 0, 0).expect("localhost");
        let ports: Vec<u16> = listeners
            .iter()
            .map(|it| it.local_addr().expect("address").port())
            .collect();
        assert!(
            ports.iter().all(|port| *port == ports[0] && *port != 0),
            "{ports:?}"
        );
    }
}
