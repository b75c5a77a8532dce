//! Arguments in a query, as tornado reads them: of equal names the last counts, spaces around a value do not, and bytes
//! that are no UTF-8 are refused.

use percent_encoding::percent_decode;

use crate::ApiError;

/// Bytes of a value that a message shows.
const SHOWN_BYTES: usize = 40;

/// The value of `name`; none without it.
pub(crate) fn last(query: Option<&str>, name: &str) -> Result<Option<String>, ApiError> {
    let mut found = None;
    for pair in query.unwrap_or_default().split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if pair.is_empty() || decoded(key) != name.as_bytes() {
            continue;
        }
        let text = String::from_utf8(decoded(value)).map_err(|error| {
            let bytes = error.as_bytes().get(..SHOWN_BYTES).unwrap_or(error.as_bytes());
            ApiError::BadRequest(format!("Invalid unicode in {name}: {}", python_bytes(bytes)))
        })?;
        found = Some(without_controls(&text).trim().to_owned());
    }
    Ok(found)
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode(text.replace('+', " ").as_bytes()).collect()
}

fn without_controls(text: &str) -> String {
    text.replace(
        |character| matches!(character, '\0'..='\u{8}' | '\u{e}'..='\u{1f}'),
        " ",
    )
}

/// As Python's `repr` writes bytes.
fn python_bytes(bytes: &[u8]) -> String {
    let quote = match bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        true => '"',
        false => '\'',
    };
    let shown: String = bytes
        .iter()
        .map(|byte| match char::from(*byte) {
            '\\' => r"\\".to_owned(),
            '\n' => r"\n".to_owned(),
            '\r' => r"\r".to_owned(),
            '\t' => r"\t".to_owned(),
            same if same == quote => format!("\\{quote}"),
            plain @ ' '..='~' => plain.to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("b{quote}{shown}{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_those_of_tornado() {
        let check = |query: &str, expected: Result<Option<&str>, &str>| {
            let found = last(Some(query), "a").map_err(|error| error.to_string());
            assert_eq!(
                found,
                expected
                    .map(|text| text.map(str::to_owned))
                    .map_err(str::to_owned),
                "{query}"
            );
        };
        check("", Ok(None));
        check("b=1&A=2", Ok(None));
        check("a", Ok(Some("")));
        check("a=1&b=2&a=3", Ok(Some("3")));
        check("%61=+x%20%C3%BC+", Ok(Some("x ü")));
        check("a=1=2", Ok(Some("1=2")));
        check("a=x%00y%01", Ok(Some("x y")));
        check("b=%ff&a=1", Ok(Some("1")));
        check("a=%ff'&a=1", Err(r#"Invalid unicode in a: b"\xff'""#));
    }
}
