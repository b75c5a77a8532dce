//! The headers of tus 1.0, as a client sends them.

use base64::{Engine, engine::general_purpose::STANDARD};
use contents::{Checksum, ContentsError, ContentsPath, Precondition};
use http::{HeaderMap, HeaderName, header::CONTENT_LENGTH, header::CONTENT_TYPE};

use crate::{ApiError, conditions::Conditions};

/// The version of the protocol.
pub(super) const VERSION: &str = "1.0.0";
/// What we can of it beyond the core.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
/// The checksums we know.
pub(super) const CHECKSUMS: &str = "sha256";
/// The content type of bytes that are a part of an upload.
const PART: &str = "application/offset+octet-stream";
/// Longest `Upload-Metadata`, in bytes.
const METADATA_BYTES_MAX: usize = 16 * 1024;

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
/// RFC 9530: the checksum of the whole file, from the client or from us.
pub(super) const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// What a POST says of the upload it begins.
#[derive(Debug)]
pub(super) struct Creation {
    pub(super) path: ContentsPath,
    pub(super) length: u64,
    pub(super) overwrite: bool,
    pub(super) precondition: Precondition,
    pub(super) sha256: Option<Checksum>,
    pub(super) metadata: String,
    /// Whether the body is the first part.
    pub(super) has_body: bool,
}

impl Creation {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        check_version(headers)?;
        let length = number(headers, &UPLOAD_LENGTH)?;
        let metadata = text(headers, &UPLOAD_METADATA)?.unwrap_or_default();
        if metadata.len() > METADATA_BYTES_MAX {
            return Err(bad(format!(
                "Upload-Metadata is longer than {METADATA_BYTES_MAX} bytes"
            )));
        }
        // Clients of the protocol know no paths and send the name of a file.
        let path = match value(metadata, "path")? {
            None => value(metadata, "filename")?,
            path => path,
        };
        let path = path.ok_or_else(|| bad("Upload-Metadata has neither `path` nor `filename`"))?;
        let sha256 = value(metadata, "sha256")?
            .map(|hex| Checksum::from_hex(&hex).ok_or_else(|| bad("`sha256` is not 64 hexadecimal digits")))
            .transpose()?;
        let overwrite = match value(metadata, "overwrite")?.as_deref() {
            None | Some("false" | "0") => false,
            Some("" | "true" | "1") => true,
            Some(_) => return Err(bad("`overwrite` is neither `true` nor `false`")),
        };
        let precondition = Conditions::of(headers).0;
        if precondition.if_match.is_some() && !overwrite {
            return Err(bad("If-Match is for an upload with `overwrite`"));
        }
        let path: ContentsPath = path.parse().map_err(ContentsError::Path)?;
        if path.is_root() {
            return Err(bad(
                "the path in Upload-Metadata is that of the root directory, not of a file",
            ));
        }
        Ok(Self {
            path,
            length,
            overwrite,
            precondition,
            sha256,
            metadata: metadata.to_owned(),
            has_body: is_part(headers),
        })
    }
}

/// Refuses another version of the protocol. None is taken for ours: `curl` need not say it.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    match text(headers, &TUS_RESUMABLE)? {
        None | Some(VERSION) => Ok(()),
        Some(_) => Err(ApiError::TusVersion),
    }
}

/// Where a PATCH goes on.
pub(super) fn offset_of_part(headers: &HeaderMap) -> Result<u64, ApiError> {
    check_version(headers)?;
    if !is_part(headers) {
        return Err(ApiError::UnsupportedMediaType(format!(
            "Content-Type must be {PART}"
        )));
    }
    number(headers, &UPLOAD_OFFSET)
}

/// How many bytes the body will have, if that is known.
pub(super) fn announced(headers: &HeaderMap) -> Option<u64> {
    number(headers, &CONTENT_LENGTH).ok()
}

/// `Upload-Checksum`: of the bytes of this request.
pub(super) fn chunk_checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ApiError> {
    let Some(given) = text(headers, &UPLOAD_CHECKSUM)? else {
        return Ok(None);
    };
    let checksum = given
        .split_once(' ')
        .filter(|(algorithm, _)| *algorithm == CHECKSUMS)
        .and_then(|(_, checksum)| Checksum::from_bytes(&STANDARD.decode(checksum.trim()).ok()?));
    match checksum {
        Some(checksum) => Ok(Some(checksum)),
        None => Err(bad("Upload-Checksum is not `sha256` and its base64")),
    }
}

/// `Repr-Digest`: of the whole file. Other checksums than sha-256 are left to whoever knows them.
pub(super) fn whole_checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ApiError> {
    let given = text(headers, &REPR_DIGEST)?.unwrap_or_default();
    let sha256 = given
        .split(',')
        .find_map(|member| member.trim().strip_prefix("sha-256="));
    let Some(sha256) = sha256 else { return Ok(None) };
    let base64 = sha256.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    match base64.and_then(|base64| Checksum::from_bytes(&STANDARD.decode(base64).ok()?)) {
        Some(checksum) => Ok(Some(checksum)),
        None => Err(bad("the sha-256 of Repr-Digest is not its base64 between colons")),
    }
}

/// The same from us.
pub(super) fn repr_digest(checksum: &Checksum) -> String {
    format!("sha-256=:{}:", STANDARD.encode(checksum.as_bytes()))
}

fn is_part(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| content_type.eq_ignore_ascii_case(PART))
}

/// One value of `Upload-Metadata`: pairs of a key and, if there is one, a value in base64.
fn value(metadata: &str, wanted: &str) -> Result<Option<String>, ApiError> {
    let pairs = metadata.split(',').map(str::trim);
    let mut values = pairs.filter_map(|pair| {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        (key == wanted).then_some(value)
    });
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let bytes = STANDARD.decode(value.trim()).ok();
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Ok(Some(text)),
        None => Err(bad(format!(
            "`{wanted}` of Upload-Metadata is not the base64 of UTF-8"
        ))),
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, ApiError> {
    let given = text(headers, name)?.ok_or_else(|| bad(format!("the header {name} is missing")))?;
    let is_number = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_digit());
    let number = given.parse().ok().filter(|_| is_number);
    number.ok_or_else(|| bad(format!("the header {name} is not a number of bytes")))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let text = headers.get(name).map(|value| value.to_str());
    text.transpose()
        .map_err(|_| bad(format!("the header {name} is not ASCII")))
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::BadRequest(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn metadata_are_pairs_of_a_key_and_base64() {
        let metadata = "filename ZC9hLnR4dA==,overwrite,filetype aW1hZ2U=";
        let sent = headers(&[("upload-length", "5"), ("upload-metadata", metadata)]);
        let creation = Creation::read(&sent).unwrap();
        assert_eq!((creation.path.as_str(), creation.length), ("d/a.txt", 5));
        assert!(creation.overwrite && !creation.has_body && creation.sha256.is_none());
        for wrong in [
            "",
            "path",
            "path ?",
            "path Lg==,overwrite eWVz",
            "path YQ==,sha256 YWI=",
            "path Li4=",
        ] {
            let sent = headers(&[("upload-length", "5"), ("upload-metadata", wrong)]);
            let read = Creation::read(&sent);
            // The path of nothing is the root, which can't be uploaded to; that is for whoever looks at files to say.
            assert!(read.is_err() || read.unwrap().path.is_root(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        for wrong in ["", "-1", "+1", "1.0", "0x1", "99999999999999999999"] {
            let sent = headers(&[("upload-length", wrong), ("upload-metadata", "path YQ==")]);
            assert!(Creation::read(&sent).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn checksums_are_sha256_in_base64() {
        let zeros = Checksum::from_bytes(&[0; 32]).unwrap();
        let base64 = STANDARD.encode(zeros.as_bytes());
        let sent = headers(&[
            ("upload-checksum", &format!("sha256 {base64}")),
            ("repr-digest", &format!("sha-512=:AA==:, sha-256=:{base64}:")),
        ]);
        assert_eq!(chunk_checksum(&sent).unwrap(), Some(zeros));
        assert_eq!(whole_checksum(&sent).unwrap(), Some(zeros));
        assert_eq!(repr_digest(&zeros), format!("sha-256=:{base64}:"));
        for wrong in ["sha1 AA==", "sha256", "sha256 AA==", "sha256 ?"] {
            assert!(
                chunk_checksum(&headers(&[("upload-checksum", wrong)])).is_err(),
                "{wrong}"
            );
        }
        for wrong in ["sha-256=", "sha-256=AA==", "sha-256=:AA==:"] {
            assert!(
                whole_checksum(&headers(&[("repr-digest", wrong)])).is_err(),
                "{wrong}"
            );
        }
    }
}
