//! The greeting: both ends say their version and a number nobody has used, then each proves that it knows the host's
//! secret by signing both numbers. What proves the one end proves nothing for the other, and nothing another time.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::timeout;
use wire::Signer;

use super::{FrameReader, FrameWriter, GREETING_TIMEOUT, Kind, ProtocolError, VERSION, Version};
use crate::host_process::setup::Secret;

/// How many random bytes a number has.
const NONCE_BYTES: usize = 32;

/// Before it has proven anything a peer may say no more than this.
pub(super) const GREETING_BYTES_MAX: usize = 4 << 10;

/// What both ends begin with. The host, which speaks second, adds its proof.
#[derive(Serialize, Deserialize)]
struct Hello {
    version: Version,
    nonce: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

/// The server's proof.
#[derive(Serialize, Deserialize)]
struct Proof {
    proof: String,
    #[serde(flatten)]
    wanted: Wanted,
}

/// What a server wants of a host it connects to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// Where to go on delivering; with `None` at what the host says next.
    #[serde(default)]
    pub(crate) from: Option<crate::host::journal::Position>,
    /// That it knows what the host was made from, which is large.
    #[serde(default)]
    pub(crate) setup_known: bool,
}

/// Who proves something.
#[derive(Clone, Copy)]
enum End {
    Host,
    Server,
}

/// The server's side of the greeting.
pub(crate) async fn greet_host(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    secret: &Secret,
    wanted: Wanted,
) -> Result<Version, ProtocolError> {
    let greeting = async {
        let ours = nonce()?;
        writer.say(&Hello {
            version: VERSION,
            nonce: ours.clone(),
            proof: None,
        })?;
        writer.flush().await?;
        let Hello {
            version,
            nonce: theirs,
            proof,
        } = heard(reader).await?;
        check(version)?;
        verify(
            secret,
            End::Host,
            &ours,
            &theirs,
            proof.as_deref().unwrap_or_default(),
        )?;
        writer.say(&Proof {
            proof: proof_of(secret, End::Server, &ours, &theirs)?,
            wanted,
        })?;
        writer.flush().await?;
        Ok(version)
    };
    timeout(GREETING_TIMEOUT, greeting)
        .await
        .map_err(|_| ProtocolError::TimedOut)?
}

/// The host's side of the greeting; what the server wants.
pub(crate) async fn greet_server(
    reader: &mut FrameReader,
    writer: &mut FrameWriter,
    secret: &Secret,
) -> Result<Wanted, ProtocolError> {
    let greeting = async {
        let Hello {
            version,
            nonce: theirs,
            ..
        } = heard(reader).await?;
        let ours = nonce()?;
        // Said to a server of another version too, so that it knows.
        writer.say(&Hello {
            version: VERSION,
            nonce: ours.clone(),
            proof: Some(proof_of(secret, End::Host, &theirs, &ours)?),
        })?;
        writer.flush().await?;
        check(version)?;
        let Proof { proof, wanted } = heard(reader).await?;
        verify(secret, End::Server, &theirs, &ours, &proof)?;
        Ok(wanted)
    };
    timeout(GREETING_TIMEOUT, greeting)
        .await
        .map_err(|_| ProtocolError::TimedOut)?
}

async fn heard<T: DeserializeOwned>(reader: &mut FrameReader) -> Result<T, ProtocolError> {
    let frame = reader.next().await?;
    if frame.kind != Kind::Control {
        return Err(ProtocolError::bad("it does not begin with a greeting"));
    }
    serde_json::from_slice(&frame.body).map_err(ProtocolError::bad)
}

fn check(version: Version) -> Result<(), ProtocolError> {
    if version.major == VERSION.major {
        return Ok(());
    }
    Err(ProtocolError::OtherVersion {
        theirs: version.major,
        ours: VERSION.major,
    })
}

fn nonce() -> Result<String, ProtocolError> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(std::io::Error::other)?;
    Ok(hex::encode(nonce))
}

fn proof_of(secret: &Secret, end: End, server: &str, host: &str) -> Result<String, ProtocolError> {
    let signature = signer(secret)?.sign(parts(end, server, host).each_ref());
    Ok(String::from_utf8_lossy(&signature).into_owned())
}

fn verify(secret: &Secret, end: End, server: &str, host: &str, proof: &str) -> Result<(), ProtocolError> {
    // Numbers of another length could be cut elsewhere and mean something else.
    let has_length = |nonce: &str| nonce.len() == NONCE_BYTES * 2;
    if !has_length(server) || !has_length(host) {
        return Err(ProtocolError::NotProven);
    }
    let verified = signer(secret)?.verify(proof.as_bytes(), parts(end, server, host).each_ref());
    verified.map_err(|_| ProtocolError::NotProven)
}

fn signer(secret: &Secret) -> Result<Signer, ProtocolError> {
    // With an empty key nothing would be signed.
    if secret.reveal().is_empty() {
        return Err(ProtocolError::NotProven);
    }
    Signer::new("hmac-sha256", secret.reveal().as_bytes()).map_err(ProtocolError::bad)
}

fn parts(end: End, server: &str, host: &str) -> [Bytes; 4] {
    let end: &[u8] = match end {
        End::Host => b"adrastea kernel host",
        End::Server => b"adrastea server",
    };
    [
        Bytes::from_static(end),
        Bytes::copy_from_slice(server.as_bytes()),
        Bytes::copy_from_slice(host.as_bytes()),
        Bytes::new(),
    ]
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::super::split;
    use super::*;

    fn ends() -> ((FrameReader, FrameWriter), (FrameReader, FrameWriter)) {
        let (server, host) = UnixStream::pair().unwrap();
        (split(server, GREETING_BYTES_MAX), split(host, GREETING_BYTES_MAX))
    }

    #[tokio::test]
    async fn two_ends_with_the_same_secret_greet() {
        let secret = Secret::random().unwrap();
        let (mut server, mut host) = ends();
        let wanted = Wanted {
            from: Some(crate::Position(7)),
            setup_known: true,
        };
        let (greeted, served) = tokio::join!(
            greet_host(&mut server.0, &mut server.1, &secret, wanted),
            greet_server(&mut host.0, &mut host.1, &secret),
        );
        assert_eq!(greeted.unwrap(), VERSION);
        assert_eq!(served.unwrap(), wanted);
    }

    #[tokio::test]
    async fn neither_end_takes_one_with_another_secret() {
        let (own, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        let (mut server, mut host) = ends();
        let host = async move {
            let greeted = greet_server(&mut host.0, &mut host.1, &own).await;
            drop(host);
            greeted
        };
        let server = async move {
            let greeted = greet_host(&mut server.0, &mut server.1, &other, Wanted::default()).await;
            drop(server);
            greeted
        };
        let (greeted, served) = tokio::join!(server, host);
        assert!(matches!(greeted, Err(ProtocolError::NotProven)), "{greeted:?}");
        assert!(matches!(served, Err(ProtocolError::Closed)), "{served:?}");
    }

    #[tokio::test]
    async fn a_server_that_only_repeats_what_the_host_proved_is_turned_away() {
        let secret = Secret::random().unwrap();
        let (mut server, mut host) = ends();
        let impostor = async move {
            let hello = Hello {
                version: VERSION,
                nonce: nonce().unwrap(),
                proof: None,
            };
            server.1.say(&hello).unwrap();
            server.1.flush().await.unwrap();
            let heard: Hello = heard(&mut server.0).await.unwrap();
            let proof = heard.proof.unwrap();
            let wanted = Wanted::default();
            server.1.say(&Proof { proof, wanted }).unwrap();
            server.1.flush().await.unwrap();
            server
        };
        let (_server, served) = tokio::join!(impostor, greet_server(&mut host.0, &mut host.1, &secret));
        assert!(matches!(served, Err(ProtocolError::NotProven)), "{served:?}");
    }

    /// What the host says to a server that speaks this version.
    async fn served(version: Version) -> Result<(), ProtocolError> {
        let secret = Secret::random().unwrap();
        let (mut server, mut host) = ends();
        let server = async {
            let ours = nonce().unwrap();
            server
                .1
                .say(&serde_json::json!({"version": version, "nonce": ours, "mood": "new"}))
                .unwrap();
            server.1.flush().await.unwrap();
            let heard: Hello = heard(&mut server.0).await.unwrap();
            let proof = proof_of(&secret, End::Server, &ours, &heard.nonce).unwrap();
            server.1.say(&serde_json::json!({ "proof": proof })).unwrap();
            // Whoever is refused hears no more.
            let _refused = server.1.flush().await;
        };
        let ((), served) = tokio::join!(server, greet_server(&mut host.0, &mut host.1, &secret));
        served.map(drop)
    }

    #[tokio::test]
    async fn another_minor_version_is_served_and_another_major_version_is_not() {
        let (major, minor) = (VERSION.major, VERSION.minor);
        let other = |major, minor| served(Version { major, minor });
        assert!(other(major, minor + 7).await.is_ok());
        let refused = other(major + 1, minor).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "it speaks version 2 of the kernel host's protocol, this is version 1"
        );
    }
}
