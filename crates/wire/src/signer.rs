//! Message signatures, as the key in a connection file asks for.

use bytes::Bytes;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};

use crate::WireError;

/// Makes and checks signatures. The keyed state is made once and cloned for each message, which halves the
/// cost for small ones. Its `Debug` does not show the key.
#[derive(Clone)]
pub struct Signer(Keyed);

#[derive(Clone)]
enum Keyed {
    /// An empty key: messages are not signed.
    Unsigned,
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Signer {
    /// A signer for a connection file's `signature_scheme` and `key`. An empty key turns signing off.
    ///
    /// # Errors
    /// [`WireError::UnknownScheme`] for any scheme but `hmac-sha256` and `hmac-sha512`.
    pub fn new(scheme: &str, key: &[u8]) -> Result<Self, WireError> {
        let unknown = || WireError::UnknownScheme {
            scheme: scheme.to_owned(),
        };
        if key.is_empty() {
            return Ok(Self(Keyed::Unsigned));
        }
        let keyed = match scheme {
            "hmac-sha256" => Keyed::Sha256(Hmac::new_from_slice(key).map_err(|_| unknown())?),
            "hmac-sha512" => Keyed::Sha512(Hmac::new_from_slice(key).map_err(|_| unknown())?),
            _ => return Err(unknown()),
        };
        Ok(Self(keyed))
    }

    /// The signature of `parts`, in hexadecimal; empty when signing is off.
    #[must_use]
    pub fn sign(&self, parts: [&Bytes; 4]) -> Bytes {
        match &self.0 {
            Keyed::Unsigned => Bytes::new(),
            Keyed::Sha256(mac) => hexadecimal(&fed(mac, parts).finalize().into_bytes()),
            Keyed::Sha512(mac) => hexadecimal(&fed(mac, parts).finalize().into_bytes()),
        }
    }

    /// Checks a signature in constant time. With a key, an empty one is wrong too.
    ///
    /// # Errors
    /// [`WireError::BadSignature`].
    pub fn verify(&self, signature: &[u8], parts: [&Bytes; 4]) -> Result<(), WireError> {
        if matches!(self.0, Keyed::Unsigned) {
            return Ok(());
        }
        let mut digest = [0; DIGEST_BYTES_MAX];
        let digest = digest
            .get_mut(..signature.len() / 2)
            .ok_or(WireError::BadSignature)?;
        // Decoding wants exactly the room that it fills.
        let is_whole = HEXLOWER_PERMISSIVE.decode_len(signature.len()) == Ok(digest.len());
        if !is_whole || HEXLOWER_PERMISSIVE.decode_mut(signature, digest).is_err() {
            return Err(WireError::BadSignature);
        }
        let verified = match &self.0 {
            Keyed::Unsigned => Ok(()),
            Keyed::Sha256(mac) => fed(mac, parts).verify_slice(digest),
            Keyed::Sha512(mac) => fed(mac, parts).verify_slice(digest),
        };
        verified.map_err(|_| WireError::BadSignature)
    }
}

/// The longest digest of the schemes above.
const DIGEST_BYTES_MAX: usize = 64;

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match &self.0 {
            Keyed::Unsigned => "unsigned",
            Keyed::Sha256(_) => "hmac-sha256",
            Keyed::Sha512(_) => "hmac-sha512",
        };
        formatter.debug_tuple("Signer").field(&scheme).finish()
    }
}

fn hexadecimal(digest: &[u8]) -> Bytes {
    HEXLOWER.encode(digest).into()
}

fn fed<M: Mac + Clone>(mac: &M, parts: [&Bytes; 4]) -> M {
    let mut mac = mac.clone();
    for part in parts {
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [&[u8]; 4] = [b"{\"a\":1}", b"{}", b"{}", b"{\"code\":\"1\"}"];

    fn with_parts<T>(check: impl FnOnce([&Bytes; 4]) -> T) -> T {
        let parts = PARTS.map(Bytes::from_static);
        check(parts.each_ref())
    }

    #[test]
    fn a_signature_is_the_one_python_makes() {
        // hmac.new(b"secret", b"".join(parts), "sha256").hexdigest()
        let signer = Signer::new("hmac-sha256", b"secret").unwrap();
        let expected = "4cd721348272a9d38f52e40f18755f0c1547d1172085474a01e7af8f3442da14";
        assert_eq!(with_parts(|parts| signer.sign(parts)), expected);
        assert!(with_parts(|parts| signer.verify(expected.as_bytes(), parts)).is_ok());
    }

    #[test]
    fn with_a_key_an_empty_short_or_wrong_signature_is_refused() {
        for scheme in ["hmac-sha256", "hmac-sha512"] {
            let signer = Signer::new(scheme, b"secret").unwrap();
            let long = "0".repeat(300);
            for wrong in ["", "00", "zz", "abc", &"0".repeat(64), &"0".repeat(128), &long] {
                assert!(
                    with_parts(|parts| signer.verify(wrong.as_bytes(), parts)).is_err(),
                    "{scheme} {wrong}"
                );
            }
        }
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let signer = Signer::new("whatever", b"").unwrap();
        assert!(with_parts(|parts| signer.sign(parts)).is_empty());
        assert!(with_parts(|parts| signer.verify(b"anything", parts)).is_ok());
    }

    #[test]
    fn an_unknown_scheme_is_named() {
        let error = Signer::new("hmac-md5", b"k").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the signature scheme `hmac-md5` is not supported"
        );
    }
}
