//! `If-Match` and `If-None-Match` about the version of a file, which goes out as its `ETag`.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use contents::{FileVersion, Found, Precondition, Versions};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ETAG, IF_MATCH, IF_NONE_MATCH},
    request::Parts,
};

/// What a request demands of the version of the file it is about.
#[derive(Debug)]
pub(crate) struct Conditions(pub(crate) Precondition);

impl<S: Send + Sync> FromRequestParts<S> for Conditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl Conditions {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self(Precondition {
            if_match: versions(headers, &IF_MATCH),
            if_none_match: versions(headers, &IF_NONE_MATCH),
        })
    }

    /// Whether a reader may have this version already.
    pub(crate) fn ask_for_another_version(&self) -> bool {
        self.0.if_none_match.is_some()
    }

    /// The answer to a reader who has this version already.
    pub(crate) fn not_modified(&self, version: Option<FileVersion>) -> Option<Response> {
        let version = version?;
        let known = self.0.if_none_match.as_ref()?;
        let mut response = known
            .name(Found::File(version))
            .then(|| StatusCode::NOT_MODIFIED.into_response())?;
        response.headers_mut().insert(ETAG, entity_tag(version)?);
        Some(response)
    }
}

/// The version as a strong tag: whoever has the tag knows all bytes of the file.
pub(crate) fn entity_tag(version: FileVersion) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{version}\"")).ok()
}

/// What a header lists, several of one name taken together. A header that makes no sense names no version, so that
/// nothing is changed because of it.
fn versions(headers: &HeaderMap, name: &HeaderName) -> Option<Versions> {
    let mut values = headers.get_all(name).into_iter().peekable();
    values.peek()?;
    let mut texts = Vec::new();
    for value in values {
        let Ok(value) = value.to_str() else { continue };
        if value.trim() == "*" {
            return Some(Versions::Any);
        }
        // A proxy that compresses makes a tag a weak one. Ours is about the file and not about the bytes of the
        // answer, so it is as good as before. Between two quotes stands a tag, which holds none.
        texts.extend(value.split('"').skip(1).step_by(2).map(str::to_owned));
    }
    Some(Versions::OneOf(texts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_list_versions() {
        let one_of = |texts: &[&str]| {
            Some(Versions::OneOf(
                texts.iter().map(|text| (*text).to_owned()).collect(),
            ))
        };
        let check = |lines: &[&'static str], expected| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_MATCH, HeaderValue::from_static(line));
            }
            assert_eq!(Conditions::of(&headers).0.if_match, expected, "{lines:?}");
        };
        check(&[], None);
        check(&[" * "], Some(Versions::Any));
        check(&["\"a\""], one_of(&["a"]));
        check(&["\"a\", W/\"b,c\"", "\"d\""], one_of(&["a", "b,c", "d"]));
        check(&["a"], one_of(&[]));
        check(&["\"a"], one_of(&["a"]));
        check(&[""], one_of(&[]));
    }
}
