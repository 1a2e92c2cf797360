//! A strict reader of the OpenMetrics text format (1.0): what a scraper would refuse fails the test.

use std::collections::{BTreeMap, BTreeSet};

pub struct Metrics {
    samples: Vec<Sample>,
}

struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    pub fn parse(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("it does not end with `# EOF`: {text}"));
        let mut families = BTreeMap::new();
        let mut current = String::new();
        let mut seen = BTreeSet::new();
        let mut samples = Vec::new();
        for line in body.lines() {
            if let Some(said) = line.strip_prefix("# ") {
                let (what, rest) = said.split_once(' ').unwrap();
                let (name, said) = rest.split_once(' ').unwrap();
                assert!(["HELP", "TYPE", "UNIT"].contains(&what), "{line}");
                assert!(!said.is_empty() && name_is_fine(name), "{line}");
                if name != current {
                    assert!(!families.contains_key(name), "families do not interleave: {line}");
                    name.clone_into(&mut current);
                }
                let kind = families.entry(name.to_owned()).or_insert_with(String::new);
                if what == "TYPE" {
                    said.clone_into(kind);
                }
                continue;
            }
            let sample = Sample::parse(line);
            let suffixes: &[&str] = match families[&current].as_str() {
                "counter" => &["_total", "_created"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_sum", "_count", "_created"],
                "info" => &["_info"],
                kind => panic!("`{kind}`: {line}"),
            };
            assert!(suffixes.iter().any(|s| sample.name == format!("{current}{s}")), "{line} below {current}");
            assert!(seen.insert((sample.name.clone(), sample.labels.clone())), "twice: {line}");
            samples.push(sample);
        }
        let metrics = Self { samples };
        metrics.histograms_add_up();
        metrics
    }

    fn of<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Sample> {
        let fits = move |s: &&Sample| {
            s.name == name && labels.iter().all(|(k, v)| s.labels.get(*k).is_some_and(|have| have == v))
        };
        self.samples.iter().filter(fits)
    }

    /// Whether a metric has a sample with these labels.
    pub fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.of(name, labels).next().is_some()
    }

    /// The sum of a metric's samples that have these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name, labels).map(|s| s.value).sum()
    }

    fn histograms_add_up(&self) {
        let mut last: BTreeMap<(String, BTreeMap<String, String>), f64> = BTreeMap::new();
        for sample in self.samples.iter().filter(|s| s.name.ends_with("_bucket")) {
            let mut labels = sample.labels.clone();
            let le = labels.remove("le").unwrap();
            let name = sample.name.trim_end_matches("_bucket").to_owned();
            let before = last.insert((name.clone(), labels.clone()), sample.value).unwrap_or(0.0);
            assert!(sample.value >= before, "buckets are cumulative: {name}");
            if le == "+Inf" {
                let labels: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                assert_eq!(self.sum(&format!("{name}_count"), &labels), sample.value, "{name}");
            }
        }
    }
}

impl Sample {
    fn parse(line: &str) -> Self {
        let (head, value) = line.rsplit_once(' ').unwrap();
        let value = value.parse().unwrap_or_else(|_| panic!("a number: {line}"));
        let (name, labels) = match head.split_once('{') {
            None => (head, ""),
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        };
        assert!(name_is_fine(name), "{line}");
        let mut all = BTreeMap::new();
        // No name or word of ours has a quote or a comma in it.
        for pair in labels.split(',').filter(|p| !p.is_empty()) {
            let (label, value) = pair.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap();
            assert!(name_is_fine(label) && !value.contains(['"', '\n', '\\']), "{line}");
            assert!(all.insert(label.to_owned(), value.to_owned()).is_none(), "{line}");
        }
        Self { name: name.to_owned(), labels: all, value }
    }
}

fn name_is_fine(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(fine) && !name.starts_with(|c: char| c.is_ascii_digit())
}
