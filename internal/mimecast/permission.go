package mimecast

import (
	"slices"
	"strings"
)

// permission is what the API application needs for a function: a product, fixed when the application is made, and a
// permission of its role.
type permission struct {
	product string
	role    string
}

// permissionFor gives what the contract's section 1.4 lists for a path; the zero permission for one that needs none.
func permissionFor(path string) permission {
	switch {
	case strings.HasPrefix(path, pathGroupsREST) && strings.HasSuffix(path, suffixMembers):
		return permission{"userandgroupmanagement", "Directories, Groups, Edit, and Services, Directory Sync, Read"}
	case strings.HasPrefix(path, pathGroupsREST) && strings.HasSuffix(path, suffixRemove):
		return permission{"userandgroupmanagement", "Directories, Groups, Edit, and Services, Directory Sync, Edit"}
	case strings.HasPrefix(path, pathGroupsREST):
		return permission{"userandgroupmanagement", "Directories, Groups, Edit"}
	case strings.HasPrefix(path, pathPoliciesREST):
		return permission{"policymanagement", "Gateway, Policies, Edit"}
	}
	switch path {
	case pathAttachmentLogs:
		return permission{"securityevents", "Monitoring, Attachment Protection, Read"}
	case pathImpersonationLogs:
		return permission{"securityevents", "Monitoring, Impersonation Protection, Read"}
	case pathURLLogs:
		return permission{"securityevents", "Monitoring, URL Protection, Read"}
	case pathDecodeURL:
		return permission{"cloudgateway", "Account, Dashboard, Read"}
	case pathDomainsREST, pathDomainsClassic:
		return permission{"domainmanagement", "Directories, Internal, Read"}
	case pathCreateBatch:
		return permission{"threatmanagement", "BYO Threat Intelligence, Upload"}
	case pathQuota:
		return permission{product: "threatmanagement"}
	case pathFindGroups, pathCreateGroup, pathDeleteGroup, pathAddMember:
		return permission{"userandgroupmanagement", "Directories, Groups, Edit"}
	case pathGetMembers:
		return permission{"userandgroupmanagement", "Services, Directory Sync, Read"}
	case pathRemoveMember:
		return permission{"userandgroupmanagement", "Services, Directory Sync, Edit"}
	case pathGetPolicy, pathCreatePolicy, pathDeletePolicy:
		return permission{"policymanagement", "Gateway, Policies, Edit"}
	case pathCreateURL, pathListURLs:
		return permission{"policymanagement", "Services, Targeted Threat Protection - URL Protect, Edit"}
	case pathDeleteURL:
		return permission{"policymanagement", "Services, URL Protection, Edit"}
	case pathSearchHash, pathGetIncident, pathFindIncidents:
		return permission{"threatmanagement", "Services, Threat Remediation, Read"}
	case pathRemediate, pathRemediateV2:
		return permission{"threatmanagement", "Services, Threat Remediation, Edit"}
	case pathAccount:
		return permission{"accountmanagement", "Account, Dashboard, Read"}
	case pathFindMessages, pathMessageInfo:
		return permission{"cloudgateway", "Gateway, Tracking, Read"}
	default:
		return permission{}
	}
}

// console is where Mimecast's administration console keeps API applications.
const console = "in the Administration console > Integrations > API and Platform Integrations"

func (p permission) remedy() string {
	if p.product == "" {
		return "check " + console + " that the API application of MIMECAST_CLIENT_ID is enabled and not limited to other addresses"
	}
	lacking := `the API application of MIMECAST_CLIENT_ID lacks the product "` + p.product + `"`
	if p.role != "" {
		lacking += ` or its role the permission "` + p.role + `"`
	}
	return lacking + ": add it " + console + " (products are fixed when an application is made: a missing one takes a new application); the account needs the package as well"
}

// permissionText names what several calls take, in the words of the console.
func permissionText(needed []permission) string {
	var products, roles []string
	for _, p := range needed {
		if !slices.Contains(products, p.product) {
			products = append(products, p.product)
		}
		if p.role != "" && !slices.Contains(roles, p.role) {
			roles = append(roles, p.role)
		}
	}
	text := "product " + strings.Join(products, ", ")
	switch len(roles) {
	case 0:
		return text
	case 1:
		return text + "; role permission " + roles[0]
	default:
		return text + "; role permissions " + strings.Join(roles, "; ")
	}
}
