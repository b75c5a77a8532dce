//! The login cookie's value: who it is for and since when, signed so that only we can make one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Identity, scheme::Reason};

/// How long a value is good for; the cookie itself lives a day less.
pub(crate) const VALID_FOR: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// The key, never shown.
pub(crate) struct CookieKey(Hmac<Sha256>);

#[derive(Serialize, Deserialize)]
struct Signed {
    /// Seconds since 1970.
    issued: u64,
    identity: Identity,
}

impl CookieKey {
    /// Mixes the password in, so that a new password ends old logins, as in the reference.
    pub(crate) fn new(secret: &[u8], hashed_password: &str) -> Self {
        let mixed = Sha256::new()
            .chain_update(secret)
            .chain_update([0])
            .chain_update(hashed_password)
            .finalize();
        let mut key = hmac::digest::Key::<Hmac<Sha256>>::default();
        for (byte, mixed) in key.iter_mut().zip(mixed) {
            *byte = mixed;
        }
        Self(Hmac::new(&key))
    }

    /// The value of a cookie of this name.
    pub(crate) fn sign(&self, cookie_name: &str, identity: &Identity, now: SystemTime) -> Option<String> {
        let signed = Signed {
            issued: seconds(now),
            identity: identity.clone(),
        };
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&signed).ok()?);
        let signature = URL_SAFE_NO_PAD.encode(self.mac(cookie_name, &payload).finalize().into_bytes());
        Some(format!("{payload}.{signature}"))
    }

    /// Who the cookie of this name is for.
    pub(crate) fn verify(&self, cookie_name: &str, value: &str, now: SystemTime) -> Result<Identity, Reason> {
        let (payload, signature) = value.split_once('.').ok_or(Reason::BadSignature)?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| Reason::BadSignature)?;
        // `verify_slice` takes the same time whatever differs.
        self.mac(cookie_name, payload)
            .verify_slice(&signature)
            .map_err(|_| Reason::BadSignature)?;
        let payload = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| Reason::BadSignature)?;
        let signed: Signed = serde_json::from_slice(&payload).map_err(|_| Reason::BadSignature)?;
        let age = seconds(now).saturating_sub(signed.issued);
        if age > VALID_FOR.as_secs() {
            Err(Reason::Expired)
        } else {
            Ok(signed.identity)
        }
    }

    fn mac(&self, cookie_name: &str, payload: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(cookie_name.as_bytes());
        mac.update(b"=");
        mac.update(payload.as_bytes());
        mac
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(password: &str) -> CookieKey {
        CookieKey::new(b"secret", password)
    }

    #[test]
    fn a_value_is_good_for_its_name_its_key_and_a_month() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let ada = Identity::named("ada");
        let value = key("").sign("username-a", &ada, now).unwrap();
        assert_eq!(
            key("").verify("username-a", &value, now + VALID_FOR).as_ref(),
            Ok(&ada)
        );
        let later = now + VALID_FOR + Duration::from_secs(1);
        assert_eq!(key("").verify("username-a", &value, later), Err(Reason::Expired));
        assert_eq!(
            key("").verify("username-b", &value, now),
            Err(Reason::BadSignature)
        );
        assert_eq!(
            key("new").verify("username-a", &value, now),
            Err(Reason::BadSignature)
        );
    }

    #[test]
    fn a_value_that_was_touched_is_refused() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let value = key("").sign("n", &Identity::named("ada"), now).unwrap();
        for (index, _) in value.char_indices() {
            let mut touched = value.clone().into_bytes();
            touched[index] = if touched[index] == b'A' { b'B' } else { b'A' };
            let touched = String::from_utf8(touched).unwrap();
            assert!(key("").verify("n", &touched, now).is_err(), "changed at {index}");
        }
        for bad in ["", ".", "a.b", "é.é", "2|1:0|10:1800000000|4:name"] {
            assert_eq!(key("").verify("n", bad, now), Err(Reason::BadSignature));
        }
    }
}
