package ledger

// List says which list at a vendor an entry is on. One value can be on several of them.
type List string

// The lists. The first is Falcon's, the others are Mimecast's.
const (
	FalconIOCs     List = "iocs"
	BYOTI          List = "byoti"           // hashes
	BlockedSenders List = "blocked-senders" // domains that are members of the integration's group
	SenderPolicies List = "sender-policies" // domains with a policy of their own, from alerts
	ManagedURLs    List = "managed-urls"    // domains whose links are blocked
)

// Lists gives all of them, in an order that stays the same.
func Lists() []List {
	return []List{FalconIOCs, BYOTI, BlockedSenders, SenderPolicies, ManagedURLs}
}

// Direction says which vendor the list belongs to; "" for a list that is none.
func (l List) Direction() Direction {
	switch l {
	case FalconIOCs:
		return ToFalcon
	case BYOTI, BlockedSenders, SenderPolicies, ManagedURLs:
		return ToMimecast
	default:
		return ""
	}
}

// Direction says which vendor an indicator goes to.
type Direction string

// The directions.
const (
	ToFalcon   Direction = "to-falcon"
	ToMimecast Direction = "to-mimecast"
)
