//! Names of members: texts, and what stands for a text in JSON.

use super::CanonicalError;
use serde::Serialize;
use serde::ser::{Error as _, Impossible, Serializer};
use std::fmt;

/// Writes one name behind those that are there.
pub(super) struct KeyWriter<'a>(pub(super) &'a mut String);

type Done = Result<(), CanonicalError>;
type Never = Impossible<(), CanonicalError>;

fn no_text<T>() -> Result<T, CanonicalError> {
    Err(CanonicalError::NotJson("key must be a string".to_owned()))
}

macro_rules! displayed {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, v: $type) -> Done {
            self.collect_str(&v)
        })*
    };
}

macro_rules! refused {
    ($($method:ident($($type:ty),*) -> $gives:ty;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<$gives, CanonicalError> {
            no_text()
        })*
    };
}

impl Serializer for KeyWriter<'_> {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    displayed!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_char: char
    );

    fn serialize_f32(self, v: f32) -> Done {
        finite(self, v.is_finite(), &v)
    }

    fn serialize_f64(self, v: f64) -> Done {
        finite(self, v.is_finite(), &v)
    }

    fn serialize_str(self, v: &str) -> Done {
        self.0.push_str(v);
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Done {
        no_text()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Done {
        no_text()
    }

    refused! {
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Done {
        fmt::Write::write_fmt(self.0, format_args!("{value}")).map_err(CanonicalError::custom)
    }
}

/// A number as a name is written as `serde_json` writes it.
fn finite<T: Serialize>(writer: KeyWriter<'_>, finite: bool, value: &T) -> Done {
    if !finite {
        return Err(CanonicalError::NotJson("float key must be finite (got NaN or +/-inf)".to_owned()));
    }
    let text = serde_json::to_string(value).map_err(CanonicalError::custom)?;
    writer.serialize_str(&text)
}
