//! What a message says: one text, or a list of blocks.

use bytes::Bytes;
use seatrial_upstream::raw::{self, RawObject};
use serde_json::Value;
use std::sync::OnceLock;

/// How deep results of tools may hold blocks themselves: the protocols know one level.
const LEVELS_MAX: usize = 2;

/// What a message says.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing.
    None,
    /// One text.
    Text(Text),
    /// Blocks.
    Blocks(Vec<Block>),
    /// What no protocol has here.
    Odd,
}

/// A block of a message.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    object: RawObject,
    kind: Kind,
}

/// A text, and the JSON object that it may consist of, once somebody asked for it.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    text: String,
    object: OnceLock<Option<Value>>,
}

impl Text {
    const fn new(text: String) -> Self {
        Self { text, object: OnceLock::new() }
    }

    /// The JSON object that it consists of. Two readings of one object are none: the model would see the text, the
    /// checks the parsed value.
    fn object(&self) -> Option<&Value> {
        self.object.get_or_init(|| raw::object(&self.text)).as_ref()
    }

    /// The same object stripped, as a text.
    fn stripped(&self, strip: &dyn Fn(&Value) -> Value) -> Option<String> {
        self.object().map(|value| strip(value).to_string())
    }
}

#[derive(Clone, Debug)]
enum Kind {
    Text(Text),
    /// The result of a tool.
    Result(Content),
    /// What the model said, thought or called earlier, as text.
    Said,
    /// What no check can look into.
    Opaque(&'static str),
}

/// A content as it is written back.
pub(crate) enum Written {
    Text(String),
    Blocks(Vec<RawObject>),
}

impl Written {
    /// Puts it into its object.
    pub(crate) fn put(&self, object: &mut RawObject, member: &str) -> Result<(), String> {
        match self {
            Self::Text(text) => object.set(member, text).map_err(|e| e.to_string())?,
            Self::Blocks(blocks) => object.set_list(member, blocks),
        }
        Ok(())
    }
}

impl Content {
    /// Reads a member as it was written. Blocks that name a member twice are refused: one reader sees the first,
    /// another the second.
    pub(crate) fn read(written: Option<&Bytes>) -> Result<Self, String> {
        Self::read_at(written, 0)
    }

    fn read_at(written: Option<&Bytes>, level: usize) -> Result<Self, String> {
        let Some(written) = written.filter(|written| *written != "null") else { return Ok(Self::None) };
        if let Some(text) = std::str::from_utf8(written).ok().and_then(raw::text) {
            return Ok(Self::Text(Text::new(text)));
        }
        let Some(items) = raw::list(written) else { return Ok(Self::Odd) };
        if level == LEVELS_MAX {
            return Err("its blocks hold blocks too deep".to_owned());
        }
        items.iter().map(|item| Block::read(item, level)).collect::<Result<_, _>>().map(Self::Blocks)
    }

    /// The JSON that it consists of: a text, or one block of text.
    pub(crate) fn json(&self) -> Option<&Value> {
        match self {
            Self::Text(text) => text.object(),
            Self::Blocks(blocks) => match blocks.as_slice() {
                [Block { kind: Kind::Text(text), .. }] => text.object(),
                _ => None,
            },
            Self::None | Self::Odd => None,
        }
    }

    /// Whether it is nothing but results of tools.
    pub(crate) fn is_results(&self) -> bool {
        matches!(self, Self::Blocks(blocks) if !blocks.is_empty()
            && blocks.iter().all(|b| matches!(b.kind, Kind::Result(_))))
    }

    /// The kinds of what no check can look into.
    pub(crate) fn opaque(&self) -> Vec<&'static str> {
        let Self::Blocks(blocks) = self else {
            return if matches!(self, Self::Odd) { vec!["other"] } else { Vec::new() };
        };
        let of = |block: &Block| match &block.kind {
            Kind::Opaque(kind) => vec![*kind],
            Kind::Result(content) => content.opaque(),
            Kind::Text(_) | Kind::Said => Vec::new(),
        };
        blocks.iter().flat_map(of).collect()
    }

    /// The same with every JSON object in it stripped; none where something in it is not one.
    pub(crate) fn stripped(&self, strip: &dyn Fn(&Value) -> Value) -> Option<Written> {
        match self {
            Self::Text(text) => text.stripped(strip).map(Written::Text),
            Self::Blocks(blocks) => {
                let blocks: Option<Vec<RawObject>> = blocks.iter().map(|b| b.stripped(strip)).collect();
                blocks.filter(|b| !b.is_empty()).map(Written::Blocks)
            }
            Self::None | Self::Odd => None,
        }
    }
}

impl Block {
    fn read(item: &Bytes, level: usize) -> Result<Self, String> {
        let object = RawObject::read_within(item).map_err(|e| format!("a block of it: {e}"))?;
        let text = || object.get_str("text").map(Text::new);
        let kind = match object.get_str("type").unwrap_or_default().as_str() {
            "text" | "input_text" | "output_text" => text().map_or(Kind::Opaque("other"), Kind::Text),
            "tool_result" => Kind::Result(Content::read_at(object.get_bytes("content"), level.saturating_add(1))?),
            "refusal" | "summary_text" | "reasoning_text" | "thinking" | "redacted_thinking" | "tool_use"
            | "server_tool_use" => Kind::Said,
            "image" | "image_url" | "input_image" => Kind::Opaque("image"),
            "audio" | "input_audio" => Kind::Opaque("audio"),
            "video" | "input_video" | "video_url" => Kind::Opaque("video"),
            "document" | "file" | "input_file" | "container_upload" => Kind::Opaque("document"),
            _ => Kind::Opaque("other"),
        };
        Ok(Self { object, kind })
    }

    fn stripped(&self, strip: &dyn Fn(&Value) -> Value) -> Option<RawObject> {
        let mut out = self.object.clone();
        match &self.kind {
            Kind::Text(text) => out.set("text", &text.stripped(strip)?).ok()?,
            // An empty result says nothing that could be withheld.
            Kind::Result(Content::None) => {}
            Kind::Result(content) => content.stripped(strip)?.put(&mut out, "content").ok()?,
            Kind::Said | Kind::Opaque(_) => return None,
        }
        Some(out)
    }
}
