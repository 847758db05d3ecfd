package mimecast

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of Bring Your Own Threat Intelligence (contract section 4.1).
const (
	maxHashes      = 1000
	maxProvider    = 10
	maxDescription = 20
)

// hashForm is MD5 or SHA-256. SHA-1 is not known to be taken.
var hashForm = regexp.MustCompile(`^([0-9a-fA-F]{32}|[0-9a-fA-F]{64})$`)

// byoti is the tenant's own list of file hashes.
type byoti struct {
	quota   int
	hashes  map[string]string // lower-case hash to BLOCK or ALLOW
	refused map[string]bool   // hashes that are refused, for partial failures
	batches []batch
}

type batch struct {
	BatchIDToken   string `json:"batchIdToken"`
	OperationType  string `json:"operationType"`
	HashCount      int    `json:"hashCount"`
	CompletionTime string `json:"completionTime"`

	hashes []string
}

type batchRequest struct {
	OperationType string            `json:"operationType"`
	HashList      []json.RawMessage `json:"hashList"`
}

type hashItem struct {
	Hash        string `json:"hash"`
	Provider    string `json:"provider"`
	Description string `json:"description"`
}

// createBatch is POST /api/byo-threat-intelligence/create-batch. Bad hashes fail alone; without quota all of them do.
func (s *Server) createBatch(call *classicCall, in batchRequest) (answer, *problem) {
	if in.OperationType == "" {
		return answer{}, invalid("operationType", "err_validation_null", "This field cannot be null")
	}
	if trouble := oneOf("operationType", in.OperationType, "BLOCK", "ALLOW", "DELETE"); trouble != nil {
		return answer{}, trouble
	}
	if n := len(in.HashList); n < 1 || n > maxHashes {
		return answer{}, invalid("hashList", "err_validation_size", "The list must hold 1 to 1000 hashes")
	}
	var result answer
	var good []string
	for _, raw := range in.HashList {
		hash, trouble := s.readHash(raw)
		if trouble != nil {
			call.broken(trouble)
			result.fail = append(result.fail, trouble.failure(nil))
			continue
		}
		good = append(good, hash)
	}
	if in.OperationType != "DELETE" && s.newHashes(good) > s.byoti.quota-len(s.byoti.hashes) {
		full := refused("err_byo_threat_intelligence_quota", "Quota not available to create the batch")
		return answer{fail: []failure{full.failure(nil)}}, nil
	}
	for _, hash := range good {
		if in.OperationType == "DELETE" {
			delete(s.byoti.hashes, hash)
		} else {
			s.byoti.hashes[hash] = in.OperationType
		}
	}
	if len(good) > 0 {
		s.wrote += len(good)
		made := batch{
			BatchIDToken: s.publicID(s.newKey("batch")), OperationType: in.OperationType, HashCount: len(good),
			CompletionTime: s.opts.Now().UTC().Format("2006-01-02T15:04:05.000Z") + "[UTC]", hashes: good,
		}
		s.byoti.batches = append(s.byoti.batches, made)
		result.data = []any{map[string]any{
			"batchIdToken": made.BatchIDToken, "completionTime": made.CompletionTime, "hashCount": made.HashCount,
		}}
	}
	return result, nil
}

func (s *Server) readHash(raw json.RawMessage) (string, *problem) {
	var item hashItem
	if trouble := strictly(raw, &item); trouble != nil {
		return "", trouble
	}
	var trouble *problem
	hash := strings.ToLower(item.Hash)
	switch {
	case !hashForm.MatchString(item.Hash):
		trouble = invalid("hash", "err_validation_invalid_hash", "The hash is neither MD5 nor SHA-256")
	case utf8.RuneCountInString(item.Provider) > maxProvider:
		trouble = invalid("provider", "err_validation_length", "The provider has more than 10 characters")
	case utf8.RuneCountInString(item.Description) > maxDescription:
		trouble = invalid("description", "err_validation_length", "The description has more than 20 characters")
	case s.byoti.refused[hash]:
		trouble = &problem{field: "hash", code: "err_hash_rejected", message: "The hash is not accepted"}
	default:
		return hash, nil
	}
	trouble.key = map[string]string{"hash": item.Hash}
	return "", trouble
}

// newHashes is how many of hashes are not on the list yet.
func (s *Server) newHashes(hashes []string) int {
	fresh := map[string]bool{}
	for _, hash := range hashes {
		if _, known := s.byoti.hashes[hash]; !known {
			fresh[hash] = true
		}
	}
	return len(fresh)
}

type batchesRequest struct {
	Order  string `json:"order"`
	SortBy string `json:"sortBy"`
}

// getBatches is POST /api/byo-threat-intelligence/get-batches, newest first unless asked otherwise.
func (s *Server) getBatches(call *classicCall) (answer, *problem) {
	var in batchesRequest
	for _, object := range call.data {
		if trouble := strictly(object, &in); trouble != nil {
			return answer{}, trouble
		}
	}
	trouble := firstOf(oneOf("order", in.Order, "ASC", "DESC"), oneOf("sortBy", in.SortBy, "CREATE_TIME"))
	if trouble != nil {
		return answer{}, trouble
	}
	batches := slices.Clone(s.byoti.batches)
	if in.Order != "ASC" {
		slices.Reverse(batches)
	}
	list, page, trouble := pageOf(s, call.paging, batches)
	return answer{page: page, data: anyOf(list)}, trouble
}

type idRequest struct {
	ID string `json:"id"`
}

// deleteBatch is POST /api/byo-threat-intelligence/delete-batch: the whole batch goes, and every hash that it brought.
func (s *Server) deleteBatch(in idRequest) (any, *problem) {
	i := slices.IndexFunc(s.byoti.batches, func(b batch) bool { return b.BatchIDToken == in.ID })
	if i < 0 {
		return nil, refused("err_batch_not_found", "The batch does not exist")
	}
	for _, hash := range s.byoti.batches[i].hashes {
		delete(s.byoti.hashes, hash)
	}
	s.wrote += len(s.byoti.batches[i].hashes)
	s.byoti.batches = slices.Delete(s.byoti.batches, i, i+1)
	return map[string]any{"id": in.ID, "success": true}, nil
}

// getQuota is POST /api/byo-threat-intelligence/get-quota. The names of its fields are not public; these are a guess.
func (s *Server) getQuota(*classicCall) (answer, *problem) {
	used := len(s.byoti.hashes)
	return answer{data: []any{map[string]int{
		"quota": s.byoti.quota, "used": used, "remaining": max(s.byoti.quota-used, 0),
	}}}, nil
}
