//! Styles, modules and the mark, embedded, under addresses that change with their content.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use seatrial_model::digest::hex;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Embedded;

/// Digits of the content's SHA-256 in an address: enough that no two versions meet.
const HASH_DIGITS: usize = 12;

/// The address of an asset: `/assets/seatrial.1a2b3c4d5e6f.css`. An unknown name gives an address that serves
/// nothing.
#[must_use]
pub fn url(name: &str) -> String {
    let hash = Embedded::get(name).map(|f| short(&f.metadata.sha256_hash())).unwrap_or_default();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("/assets/{stem}.{hash}.{extension}"),
        None => format!("/assets/{name}.{hash}"),
    }
}

/// Every asset by its name, with its bytes: for the gallery, which writes them beside its pages.
pub fn all() -> impl Iterator<Item = (String, Vec<u8>)> {
    Embedded::iter().filter_map(|name| Some((name.to_string(), Embedded::get(&name)?.data.into_owned())))
}

/// Serves what stands behind an address of [`url`]; another version of it is not found.
#[must_use]
pub fn serve(file: &str) -> Response {
    let mut parts = file.rsplitn(3, '.');
    let (Some(extension), Some(hash), Some(stem)) = (parts.next(), parts.next(), parts.next()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let name = format!("{stem}.{extension}");
    match Embedded::get(&name) {
        Some(asset) if short(&asset.metadata.sha256_hash()) == hash => {
            let mut response = asset.data.into_owned().into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(extension)));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
            response
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn short(hash: &[u8]) -> String {
    hex(hash).chars().take(HASH_DIGITS).collect()
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_present_version_is_served() {
        let address = url("seatrial.css");
        let file = address.strip_prefix("/assets/").unwrap();
        assert_eq!(serve(file).status(), StatusCode::OK);
        for bad in ["seatrial.000000000000.css", "seatrial.css", "../Cargo.toml", "", "...", "x.y.z"] {
            assert_eq!(serve(bad).status(), StatusCode::NOT_FOUND, "{bad}");
        }
    }
}
