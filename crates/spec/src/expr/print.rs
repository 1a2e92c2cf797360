//! CEL text in one normal spelling.

/// How tightly an expression binds: the higher, the tighter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Binds {
    Conditional,
    Or,
    And,
    Relation,
    Add,
    Multiply,
    Unary,
    Member,
}

/// In brackets, where it binds less tightly than its place asks for.
pub(super) fn bracketed(text: &str, binds: Binds, place: Binds) -> String {
    if binds < place { format!("({text})") } else { text.to_owned() }
}

/// A text literal.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A double literal: always with a point or an exponent, so that it is not read as an integer.
pub(super) fn double(value: f64) -> String {
    format!("{value:?}")
}

/// The last step of a path, where the name is a CEL identifier; an index otherwise.
pub(super) fn is_identifier(name: &str) -> bool {
    const RESERVED: [&str; 23] = [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
        "has",
        "all",
    ];
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !RESERVED.contains(&name)
}
