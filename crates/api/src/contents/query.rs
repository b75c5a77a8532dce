//! The query of a GET: `type`, `format`, `content`, `hash`. Other keys are ignored; of equal ones the last counts.

use contents::{EntryType, Format, Get};

use crate::ApiError;

/// What a query asks for.
pub(super) fn parse(query: Option<&str>) -> Result<Get, ApiError> {
    let query = query.unwrap_or_default().as_bytes();
    let last = |name: &str| {
        let values = form_urlencoded::parse(query).filter(|(key, _)| key == name);
        values.last().map(|(_, value)| value.trim().to_owned())
    };
    let entry_type = last("type").map(|value| EntryType::or_file(&value));
    let format = last("format").map(|value| format(&value)).transpose()?;
    let content = last("content").unwrap_or_else(|| "1".to_owned());
    let wrong = || ApiError::BadRequest(format!("Content '{content}' is invalid"));
    let content = flag(&content).ok_or_else(wrong)?;
    let hash = last("hash").unwrap_or_else(|| "0".to_owned());
    let wrong = || format!("Hash argument '{hash}' is invalid. It must be '0' or '1'.");
    let hash = flag(&hash).ok_or_else(|| ApiError::BadRequest(wrong()))?;
    Ok(Get {
        entry_type,
        format,
        content,
        hash,
    })
}

fn format(value: &str) -> Result<Format, ApiError> {
    match value {
        "text" => Ok(Format::Text),
        "base64" => Ok(Format::Base64),
        _ => Err(ApiError::BadRequest(format!("Format '{value}' is invalid"))),
    }
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_a_model_holds() {
        let all = Get {
            content: true,
            ..Get::default()
        };
        let check = |query, expected| assert_eq!(parse(query).ok(), expected, "{query:?}");
        check(None, Some(all));
        check(Some("1795349235713&contentProviderId=undefined"), Some(all));
        check(Some("content=1&content=0"), Some(Get::default()));
        check(
            Some("content=2&content=0&format=bogus&format=text"),
            Some(Get {
                format: Some(Format::Text),
                ..Get::default()
            }),
        );
        check(
            Some("type=bogus"),
            Some(Get {
                entry_type: Some(EntryType::File),
                ..all
            }),
        );
        check(
            Some("hash=1&format=base64"),
            Some(Get {
                hash: true,
                format: Some(Format::Base64),
                ..all
            }),
        );
        for query in ["format=bogus", "format=", "content=2", "content=", "hash=yes"] {
            check(Some(query), None);
        }
    }
}
