// Makes aes-gcm.json with another implementation of AES-GCM, HKDF and HMAC than the one under test:
//
//	go run aes-gcm.go > aes-gcm.json
package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

const (
	chunkPlain   = 65520
	segmentBytes = 32 << 20
)

// The second generator of the other vectors: a 32-bit congruential one, high bytes.
func content(size int) []byte {
	bytes := make([]byte, size)
	state := uint32(1)
	for i := range bytes {
		state = state*1664525 + 1013904223
		bytes[i] = byte(state >> 24)
	}
	return bytes
}

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func derive(key []byte, info string) []byte {
	derived, err := hkdf.Key(sha256.New, key, nil, info, 32)
	if err != nil {
		panic(err)
	}
	return derived
}

func fixed(name string, length int) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:length]
}

// Runs: from which chunk on which prefix is used.
type run struct {
	FirstChunk uint32 `json:"firstChunk"`
	Prefix     string `json:"prefix"`
}

func encrypt(plain, key []byte, runs []run) []byte {
	aead := gcm(key)
	var stored []byte
	for index := 0; index*chunkPlain < len(plain); index++ {
		end := min(len(plain), (index+1)*chunkPlain)
		var prefix []byte
		for _, r := range runs {
			if r.FirstChunk <= uint32(index) {
				prefix, _ = hex.DecodeString(r.Prefix)
			}
		}
		nonce := make([]byte, 12)
		copy(nonce, prefix)
		binary.BigEndian.PutUint32(nonce[7:], uint32(index))
		if end == len(plain) {
			nonce[11] = 1
		}
		stored = aead.Seal(stored, nonce, plain[index*chunkPlain:end], nil)
	}
	return stored
}

func tree(leaves [][]byte) []byte {
	for first := true; first || len(leaves) > 1; first = false {
		var parents [][]byte
		for i := 0; i < len(leaves); i += 2 {
			right := leaves[min(i+1, len(leaves)-1)]
			sum := sha256.Sum256(append(append([]byte{}, leaves[i]...), right...))
			parents = append(parents, sum[:])
		}
		leaves = parents
	}
	return leaves[0]
}

type vector struct {
	SizeBytes   int      `json:"sizeBytes"`
	Runs        []run    `json:"runs"`
	StoredBytes int      `json:"storedBytes"`
	Segments    []string `json:"segments"`
	Fid         string   `json:"fid"`
}

func main() {
	dataKey := fixed("data key", 32)
	one := []run{{0, hex.EncodeToString(fixed("prefix 0", 7))}}
	two := append(one, run{3, hex.EncodeToString(fixed("prefix 3", 7))})
	var vectors []vector
	for _, size := range []int{1, 65519, 65520, 65521, 131040, 33546239, 33546240, 33546241,
		33554415, 33554416, 33554417, 33554431, 33554432, 33554433, 100663297} {
		runs := one
		if size > 4*chunkPlain {
			runs = two
		}
		stored := encrypt(content(size), dataKey, runs)
		v := vector{SizeBytes: size, Runs: runs, StoredBytes: len(stored)}
		var leaves [][]byte
		for at := 0; at < len(stored); at += segmentBytes {
			segment := make([]byte, segmentBytes)
			copy(segment, stored[at:])
			sum := sha256.Sum256(segment)
			leaves = append(leaves, sum[:])
			v.Segments = append(v.Segments, hex.EncodeToString(sum[:]))
		}
		v.Fid = hex.EncodeToString(tree(leaves))
		vectors = append(vectors, v)
	}

	wrapping := fixed("wrapping key", 32)
	uploadId, account, size := "11111111-2222-4333-8444-555555555555", "cXjHGCWMUM8gM9YFJUK2rqq2tiFWB4huBKWdQPkWdcXcZHhHA", 65521
	nonce := fixed("nonce", 12)
	aad := fmt.Sprintf("granary aes-gcm 1\n%s\n%s\n%d", uploadId, account, size)
	wrapped := gcm(derive(wrapping, "granary data keys of "+account)).Seal(nonce, nonce, dataKey, []byte(aad))
	mac := hmac.New(sha256.New, derive(dataKey, "granary part digest"))
	mac.Write(content(65521))

	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(map[string]any{
		"dataKey":    hex.EncodeToString(dataKey),
		"objects":    vectors,
		"wrap":       map[string]any{"wrappingKey": hex.EncodeToString(wrapping), "uploadId": uploadId, "account": account, "sizeBytes": size, "nonce": hex.EncodeToString(nonce), "wrapped": hex.EncodeToString(wrapped)},
		"partDigest": hex.EncodeToString(mac.Sum(nil)),
	}); err != nil {
		panic(err)
	}
}
