//! A second reading of JSON: the grammar of RFC 8259, rule by rule.
//!
//! A library would make decisions that the grammar leaves open (which numbers fit, which escapes are text, which of
//! two equal keys counts), and those are what is in question. Here a number stays as it is written, a text is what
//! UTF-16 it spells, and an object is the list of its members.

/// A value, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool,
    Number(String),
    /// `None` if it spells no Unicode text: a surrogate alone.
    Text(Option<String>),
    List(Vec<Json>),
    Object(Vec<(Option<String>, Json)>),
}

impl Json {
    /// Reads a whole text; `None` if it is no JSON, or nested so deep that it does not matter.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut rest = Rest { text, levels: 64 };
        let value = rest.value()?;
        rest.space();
        rest.text.is_empty().then_some(value)
    }

    /// How deep arrays and objects are nested.
    pub(super) fn depth(&self) -> usize {
        let deepest = |values: &mut dyn Iterator<Item = &Self>| {
            1 + values.map(Self::depth).max().unwrap_or_default()
        };
        match self {
            Self::List(values) => deepest(&mut values.iter()),
            Self::Object(members) => deepest(&mut members.iter().map(|(_, value)| value)),
            _ => 0,
        }
    }
}

struct Rest<'t> {
    text: &'t str,
    /// How much deeper it may go.
    levels: usize,
}

impl Rest<'_> {
    fn space(&mut self) {
        self.text = self.text.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn skip(&mut self, literal: &str) -> Option<()> {
        self.text = self.text.strip_prefix(literal)?;
        Some(())
    }

    fn skip_after_space(&mut self, literal: &str) -> Option<()> {
        self.space();
        self.skip(literal)
    }

    fn value(&mut self) -> Option<Json> {
        self.space();
        match self.text.chars().next()? {
            'n' => self.skip("null").map(|()| Json::Null),
            't' => self.skip("true").map(|()| Json::Bool),
            'f' => self.skip("false").map(|()| Json::Bool),
            '"' => self.string().map(Json::Text),
            '[' => self.members("[", "]", Self::value).map(Json::List),
            '{' => self
                .members("{", "}", |rest| {
                    rest.space();
                    let key = rest.string()?;
                    rest.skip_after_space(":")?;
                    Some((key, rest.value()?))
                })
                .map(Json::Object),
            _ => self.number().map(Json::Number),
        }
    }

    fn members<T>(
        &mut self,
        begin: &str,
        end: &str,
        mut member: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut members = Vec::new();
        self.skip(begin)?;
        if self.skip_after_space(end).is_some() {
            return Some(members);
        }
        self.levels = self.levels.checked_sub(1)?;
        loop {
            members.push(member(self)?);
            if self.skip_after_space(end).is_some() {
                self.levels += 1;
                return Some(members);
            }
            self.skip(",")?;
        }
    }

    fn number(&mut self) -> Option<String> {
        let whole = self.text;
        let _ = self.skip("-");
        if self.skip("0").is_none() {
            self.digits()?;
        }
        if self.skip(".").is_some() {
            self.digits()?;
        }
        if self.skip("e").or_else(|| self.skip("E")).is_some() {
            let _ = self.skip("+").or_else(|| self.skip("-"));
            self.digits()?;
        }
        Some(whole[..whole.len() - self.text.len()].to_owned())
    }

    fn digits(&mut self) -> Option<()> {
        let after = self.text.trim_start_matches(|c: char| c.is_ascii_digit());
        let some = after.len() < self.text.len();
        self.text = after;
        some.then_some(())
    }

    fn string(&mut self) -> Option<Option<String>> {
        self.skip("\"")?;
        let mut units: Vec<u16> = Vec::new();
        loop {
            let next = self.text.chars().next()?;
            self.text = &self.text[next.len_utf8()..];
            match next {
                '"' => return Some(String::from_utf16(&units).ok()),
                '\\' => units.push(self.escape()?),
                '\0'..='\x1F' => return None,
                _ => units.extend_from_slice(next.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let kind = self.text.chars().next()?;
        self.text = &self.text[kind.len_utf8()..];
        Some(match kind {
            '"' | '\\' | '/' => u16::try_from(u32::from(kind)).ok()?,
            'b' => 0x8,
            'f' => 0xC,
            'n' => 0xA,
            'r' => 0xD,
            't' => 0x9,
            'u' => {
                let digits = self.text.get(..4)?;
                self.text = &self.text[4..];
                let hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                hexadecimal.then(|| u16::from_str_radix(digits, 16).ok())??
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_kept() {
        for good in [
            "null",
            " [ ] ",
            "{}",
            "-0",
            "0.5e+10",
            r#"{"a":[1,{"b":null}],"a":"é\u00e9\n"}"#,
            r#""\ud800""#,
        ] {
            assert!(Json::read(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "nul",
            "01",
            "+1",
            ".5",
            "1.",
            "1e",
            "[1,]",
            "{,}",
            r#"{"a"}"#,
            r#"{a:1}"#,
            "\"\n\"",
            r#""\x""#,
            r#""\u12g4""#,
            "1 2",
            "\u{FEFF}1",
            "\"",
            "[",
        ] {
            assert_eq!(Json::read(bad), None, "{bad}");
        }
        assert_eq!(Json::read(r#""\ud83d\ude00""#), Some(Json::Text(Some("😀".into()))));
        assert_eq!(Json::read(r#"[[],{"a":[[]]}]"#).map(|json| json.depth()), Some(4));
        // A surrogate written as itself cannot be, and a pair from two escapes is one symbol.
        assert_eq!(Json::read(r#""\ude00\ud83d""#), Some(Json::Text(None)));
    }
}
