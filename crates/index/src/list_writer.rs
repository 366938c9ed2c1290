//! Writes the lists and weights of all terms from their sorted postings.

use std::io;
use std::path::Path;

use crate::WeightFormat;
use crate::format::{BLOCK_DOCS, Section};
use crate::lists::{BlockOfTerm, ListStart, encode_list};
use crate::weights::{append, scale_for, stored};
use crate::writer::{SectionWriter, Spool};

/// Takes postings sorted by term, then by document. Holds those of one term in memory.
pub(crate) struct ListWriter {
    format: WeightFormat,
    n_blocks: usize,
    term: u32,
    postings: Vec<(u32, f32)>,
    table: Spool,
    n_terms: u64,
    weights: Spool,
    n_weights: u64,
}

/// What was written.
pub(crate) struct WrittenLists {
    pub(crate) lists: Section,
    pub(crate) term_table: Section,
    pub(crate) weights: Section,
    pub(crate) n_terms: u64,
}

impl ListWriter {
    pub(crate) fn new(folder: &Path, format: WeightFormat, n_docs: usize) -> io::Result<Self> {
        Ok(Self {
            format,
            n_blocks: n_docs.div_ceil(BLOCK_DOCS),
            term: 0,
            postings: Vec::new(),
            table: Spool::new(folder)?,
            n_terms: 0,
            weights: Spool::new(folder)?,
            n_weights: 0,
        })
    }

    pub(crate) fn push(
        &mut self,
        out: &mut SectionWriter,
        term: u32,
        doc_idx: u32,
        weight: f32,
    ) -> io::Result<()> {
        if term != self.term {
            self.end_term(out)?;
            self.term = term;
        }
        self.postings.push((doc_idx, weight));
        Ok(())
    }

    fn end_term(&mut self, out: &mut SectionWriter) -> io::Result<()> {
        if self.postings.is_empty() {
            return Ok(());
        }
        if self.format != WeightFormat::U8 {
            // Rounded before the scale is chosen, which must cover the largest of them.
            for (_, weight) in &mut self.postings {
                *weight = stored(self.format, *weight, 0.0);
            }
        }
        let scale = scale_for(largest(self.postings.iter().map(|posting| posting.1)));
        let mut bytes = Vec::new();
        for (_, weight) in &mut self.postings {
            append(self.format, *weight, scale, &mut bytes);
            *weight = stored(self.format, *weight, scale);
        }
        self.weights.write(&bytes)?;
        let block_of = |posting: &(u32, f32)| posting.0 / BLOCK_DOCS as u32;
        let blocks: Vec<BlockOfTerm> = self
            .postings
            .chunk_by(|a, b| block_of(a) == block_of(b))
            .map(|postings| BlockOfTerm {
                block: block_of(&postings[0]),
                mask: postings.iter().fold(0, |mask, p| mask | 1 << (p.0 % BLOCK_DOCS as u32)),
                largest: largest(postings.iter().map(|posting| posting.1)),
            })
            .collect();
        let start = ListStart {
            term: self.term,
            offset: out.section_len(),
            first_weight: self.n_weights,
            scale,
        };
        bytes.clear();
        let entry = encode_list(start, &blocks, self.n_blocks, &mut bytes);
        out.write(&bytes)?;
        self.table.write(bytemuck::bytes_of(&entry.encode()))?;
        self.n_terms += 1;
        self.n_weights += self.postings.len() as u64;
        self.postings.clear();
        Ok(())
    }

    /// Ends the sections of lists, their table and the weights.
    pub(crate) fn finish(mut self, out: &mut SectionWriter) -> io::Result<WrittenLists> {
        self.end_term(out)?;
        let lists = out.end_section()?;
        out.copy(self.table)?;
        let term_table = out.end_section()?;
        out.copy(self.weights)?;
        let weights = out.end_section()?;
        Ok(WrittenLists { lists, term_table, weights, n_terms: self.n_terms })
    }
}

fn largest(weights: impl Iterator<Item = f32>) -> f32 {
    weights.fold(0.0, |largest: f32, weight| largest.max(weight.abs()))
}
