package mimecast

import "strings"

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
	case pathFindMessages, pathMessageInfo:
		return permission{"cloudgateway", "Gateway, Tracking, Read"}
	default:
		return permission{}
	}
}

func (p permission) remedy() string {
	if p.product == "" {
		return "check that the API application is enabled and not limited to other addresses"
	}
	product := `give the API application the product "` + p.product + `" (products are fixed when it is made: a new one may be needed)`
	if p.role != "" {
		product += ` and its role the permission "` + p.role + `"`
	}
	return product + "; the account needs the package as well"
}
