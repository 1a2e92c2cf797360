// Go-interop reads an export of a Seatrial log with nothing but Go's own
// golang.org/x/mod/sumdb packages, which know nothing of Seatrial.
//
//	go-interop DIR VKEY
//	go-interop PROOF ENTRY VKEY
//
// Of a proof file (C2SP tlog-proof) and the bytes of its entry, it checks the checkpoint and the inclusion. Of a folder
// it checks the signed note, the root over the tiles, the inclusion of every entry, and the consistency with each
// earlier checkpoint and with the tree at half the size. It prints one line and ends with 0, or says what is wrong
// and ends with 1.
//
// Build on Debian (packages golang-go and golang-golang-x-mod-dev), without a network:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// folder reads tiles of height 8 from the static layout of C2SP tlog-tiles.
type folder string

func (folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		// Go writes the height before the level; C2SP fixes it to 8 and leaves it out.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		if len(bytes) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s: %d bytes", path, len(bytes))
		}
		data = append(data, bytes)
	}
	return data, nil
}

func (folder) SaveTiles([]tlog.Tile, [][]byte) {}

// checkpoint reads and opens a signed checkpoint.
func checkpoint(path string, verifier note.Verifier) (tlog.Tree, error) {
	msg, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	return opened(msg, verifier)
}

// opened opens a signed checkpoint.
func opened(msg []byte, verifier note.Verifier) (tlog.Tree, error) {
	signed, err := note.Open(msg, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", verifier.Name(), signed.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("root %q", lines[2])
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

// entries reads one entry bundle.
func entries(dir string, n, width int64) ([][]byte, error) {
	// Entry bundles have the paths of tiles, under another name.
	tile := tlog.Tile{H: 8, L: 0, N: n, W: int(width)}
	path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(dir, path))
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, fmt.Errorf("%s ends within an entry", path)
		}
		size := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+size {
			return nil, fmt.Errorf("%s ends within an entry", path)
		}
		out = append(out, data[2:2+size])
		data = data[2+size:]
	}
	if int64(len(out)) != width {
		return nil, fmt.Errorf("%s holds %d entries, not %d", path, len(out), width)
	}
	return out, nil
}

// consistent checks that the tree begins with the tree of `old` entries and this hash.
func consistent(tree tlog.Tree, old int64, hash tlog.Hash, reader tlog.HashReader) error {
	proof, err := tlog.ProveTree(tree.N, old, reader)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, old, hash)
}

func run(dir, vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	tree, err := checkpoint(filepath.Join(dir, "checkpoint"), verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	// This reader checks every tile that it reads against the root.
	reader := tlog.TileHashReader(tree, folder(dir))
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil || root != tree.Hash {
		return fmt.Errorf("root %v, not %v: %v", root, tree.Hash, err)
	}
	var checked int64
	for n := int64(0); n*256 < tree.N; n++ {
		width := tree.N - n*256
		if width > 256 {
			width = 256
		}
		bundle, err := entries(dir, n, width)
		if err != nil {
			return err
		}
		for i, entry := range bundle {
			index := n*256 + int64(i)
			proof, err := tlog.ProveRecord(tree.N, index, reader)
			if err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			checked++
		}
	}
	half := tree.N/2 + 1
	older, err := tlog.TreeHash(half, reader)
	if err != nil {
		return err
	}
	if err := consistent(tree, half, older, reader); err != nil {
		return fmt.Errorf("consistency with %d: %w", half, err)
	}
	earlier, err := filepath.Glob(filepath.Join(dir, "earlier-checkpoints", "*"))
	if err != nil {
		return err
	}
	for _, path := range earlier {
		old, err := checkpoint(path, verifier)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := consistent(tree, old.N, old.Hash, reader); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	fmt.Printf("verified %d entries, consistent with %d earlier checkpoints and with %d entries\n", checked, len(earlier), half)
	return nil
}

// proved checks that an entry is in a log by its proof file alone.
func proved(file, entry, vkey string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	leaf, err := os.ReadFile(entry)
	if err != nil {
		return err
	}
	head, signed, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return fmt.Errorf("%s is not a proof of this form", file)
	}
	index, err := strconv.ParseInt(lines[1][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	tree, err := opened([]byte(signed), verifier)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		bytes, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(bytes) != tlog.HashSize {
			return fmt.Errorf("%q is not a hash", line)
		}
		var hash tlog.Hash
		copy(hash[:], bytes)
		proof = append(proof, hash)
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
		return err
	}
	fmt.Printf("verified that this is entry %d of %d\n", index, tree.N)
	return nil
}

func main() {
	var err error
	switch len(os.Args) {
	case 3:
		err = run(os.Args[1], os.Args[2])
	case 4:
		err = proved(os.Args[1], os.Args[2], os.Args[3])
	default:
		fmt.Fprintln(os.Stderr, "usage: go-interop DIR VKEY | go-interop PROOF ENTRY VKEY")
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "NOT VERIFIED:", err)
		os.Exit(1)
	}
}
